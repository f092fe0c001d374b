import type { AllHeaders } from '../broker/headers';
import { BatchAnswers } from './batch-answers';
import type { Connection } from './connection';
import { isNoResponders, asBrokerError } from './failures';
import { readHeaders } from './headers';
import { findMessage, streamInfo } from './streams';

/** An event as its stream stores it. */
export interface StoredEvent extends AllHeaders {
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  /** When the stream stored it, in milliseconds since 1970. */
  readonly storedAtMs: number;
  readonly payload: Uint8Array;
}

/** Reads an event; undefined if the stream does not have it. */
export async function findEvent(
  connection: Connection,
  stream: string,
  sequence: number,
): Promise<StoredEvent | undefined> {
  const message = await findMessage(connection, stream, { seq: sequence }, `stream ${stream}`);
  if (!message) return undefined;
  const { subject, data, header, time } = message;
  return { stream, sequence, subject, payload: data, storedAtMs: time.getTime(), ...readHeaders(header) };
}

const FIRST_CHUNK = 256;
const LARGEST_CHUNK = 16_384;
const READ_BYTES = 4 * 1024 * 1024;

/** How far the reading has come, as a number of sequences. */
export type ReadProgress = (done: number, total: number) => void;

/**
 * Reads the events of a stream in chunks, the newest chunk first; the events of a chunk are in the order of the stream.
 * Creates no consumer. Returns at once if the stream does not permit direct reads (`allow_direct`).
 * @returns whether the stream permits direct reads
 */
export async function* newestFirst(
  connection: Connection,
  stream: string,
  progress: ReadProgress,
): AsyncGenerator<readonly StoredEvent[], boolean> {
  const { state, config } = await streamInfo(connection, stream);
  if (!(config as { allow_direct?: boolean }).allow_direct) return false;
  let size = FIRST_CHUNK;
  for (let end = state.last_seq; end >= state.first_seq && state.messages > 0;) {
    const start = Math.max(state.first_seq, end - size + 1);
    const events = await readRange(connection, stream, start, end);
    if (events.length > 0) yield events;
    // A chunk without events is a gap.
    size = Math.min(LARGEST_CHUNK, events.length === 0 ? size * 2 : FIRST_CHUNK * 4);
    end = start - 1;
    progress(state.last_seq - end, state.last_seq - state.first_seq + 1);
  }
  return true;
}

async function readRange(connection: Connection, stream: string, start: number, end: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let next = start; next <= end;) {
    const batch = await readBatch(connection, stream, { seq: next, batch: end - next + 1, max_bytes: READ_BYTES });
    events.push(...batch.filter(({ sequence }) => sequence <= end));
    const last = batch.at(-1)?.sequence;
    if (last === undefined) break;
    next = last + 1;
  }
  return events;
}

async function readBatch(connection: Connection, stream: string, request: object): Promise<StoredEvent[]> {
  const { requests, apiPrefix } = connection;
  const answers = new BatchAnswers();
  try {
    const { messages } = await requests.ask(
      `${apiPrefix}.DIRECT.GET.${stream}`,
      JSON.stringify(request),
      (answer) => answers.take(answer),
      { endsWithConnection: true },
    );
    return messages.map(({ sequence, message }) => {
      const { headers, repeated } = readHeaders(message.headers);
      const { 'Nats-Subject': subject = '', 'Nats-Time-Stamp': time = '' } = headers;
      return {
        stream,
        sequence,
        subject,
        storedAtMs: Date.parse(time),
        payload: message.data,
        headers,
        ...(repeated && { repeated }),
      };
    });
  } catch (error) {
    // The stream was deleted meanwhile.
    if (isNoResponders(error)) return [];
    throw asBrokerError(error, `stream ${stream}`);
  }
}
