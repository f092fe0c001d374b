import { JetplugError } from '../../sdk/internal';
import { renameHeaders, type AllHeaders } from '../broker/headers';
import { readBatch as askBatch, type BatchMessage } from './batch-answers';
import { bytesOf } from './client';
import type { Connection } from './connection';
import { isNoResponders, asBrokerError } from './failures';
import { headersOf, readHeaders } from './headers';
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
const CHUNK = 4_096;
const LARGEST_CHUNK = 65_536;
const READ_BYTES = 4 * 1024 * 1024;

export interface EventSearch {
  /**
   * Whether a message may be searched for, by its bytes: the header block, then the payload. Only these messages are
   * parsed, because parsing takes most of the time.
   */
  mayMatch(bytes: Uint8Array): boolean;
  /** Called with the number of sequences that have been searched, and with the number of all. */
  progress(done: number, total: number): void;
}

/** A part of a stream that was searched. */
export interface SearchedChunk {
  /** The messages that may match, in the order of the stream. */
  readonly matches: readonly StoredEvent[];
  /** When the oldest message of the chunk was stored, in milliseconds since 1970. */
  readonly oldestMs: number;
}

/**
 * Searches a stream in chunks, the newest chunk first. Creates no consumer. Returns at once if the stream does not
 * permit direct reads (`allow_direct`).
 * @returns whether the stream permits direct reads
 */
export async function* newestFirst(
  connection: Connection,
  stream: string,
  { mayMatch, progress }: EventSearch,
): AsyncGenerator<SearchedChunk, boolean> {
  const { state, config } = await streamInfo(connection, stream);
  if (!(config as { allow_direct?: boolean }).allow_direct) return false;
  let size = FIRST_CHUNK;
  for (let end = state.last_seq; end >= state.first_seq && state.messages > 0;) {
    const start = Math.max(state.first_seq, end - size + 1);
    const messages = await readRange(connection, stream, start, end);
    const [oldest] = messages;
    if (oldest) {
      const matches = messages.filter(({ message }) => mayMatch(bytesOf(message).bytes));
      yield { matches: matches.map((one) => toEvent(stream, one)), oldestMs: toEvent(stream, oldest).storedAtMs };
    }
    // A chunk without messages is a gap.
    size = oldest ? CHUNK : Math.min(LARGEST_CHUNK, size * 2);
    end = start - 1;
    progress(state.last_seq - end, state.last_seq - state.first_seq + 1);
  }
  return true;
}

/** The error for a stream that does not permit direct reads. */
export function noDirectReads(stream: string): JetplugError {
  return new JetplugError('JP_BROKER_OPERATION_FAILED', `stream ${stream} does not permit direct reads`, {
    hint: `Permit them: nats stream edit ${stream} --allow-direct.`,
  });
}

/** Reads the events of one subject from one sequence of a stream to another, in chunks, the oldest first. */
export async function* eventsOn(
  connection: Connection,
  stream: string,
  subject: string,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<readonly StoredEvent[]> {
  for (let next = from; next <= to;) {
    const request = { seq: next, next_by_subj: subject, batch: CHUNK, max_bytes: READ_BYTES };
    const batch = (await readBatch(connection, stream, request)).filter(({ sequence }) => sequence <= to);
    const last = batch.at(-1)?.sequence;
    if (last === undefined) return;
    yield batch.map((one) => toEvent(stream, one));
    next = last + 1;
  }
}

/** Reads the messages of a stream from one sequence to another, the oldest first. */
export async function readRange(
  connection: Connection,
  stream: string,
  start: number,
  end: number,
): Promise<BatchMessage[]> {
  const messages: BatchMessage[] = [];
  for (let next = start; next <= end;) {
    const batch = await readBatch(connection, stream, { seq: next, batch: end - next + 1, max_bytes: READ_BYTES });
    messages.push(...batch.filter(({ sequence }) => sequence <= end));
    const last = batch.at(-1)?.sequence;
    if (last === undefined) break;
    next = last + 1;
  }
  return messages;
}

async function readBatch(connection: Connection, stream: string, request: object): Promise<readonly BatchMessage[]> {
  try {
    return await askBatch(connection, stream, request);
  } catch (error) {
    // The stream was deleted meanwhile.
    if (isNoResponders(error)) return [];
    throw asBrokerError(error, `stream ${stream}`);
  }
}

/** Headers that the server adds to an answer. They come after those of the message, so the last value counts. */
const OF_THE_ANSWER = /^Nats-(Stream|Subject|Sequence|Last-Sequence|Time-Stamp|Num-Pending|UpTo-Sequence)$/;

/** Returns a message of a batch as the event that it is. */
function toEvent(stream: string, { sequence, message }: BatchMessage): StoredEvent {
  const { headers } = message;
  const storedAtMs = Date.parse(headers?.last('Nats-Time-Stamp') ?? '');
  const subject = headers?.last('Nats-Subject') ?? '';
  return { stream, sequence, subject, storedAtMs, payload: message.data, ...ownHeaders(message) };
}

/** Returns the headers of a message of a batch, without those of the answer. */
export function ownHeaders(message: BatchMessage['message']): AllHeaders {
  return renameHeaders(headersOf(message), (name) => (OF_THE_ANSWER.test(name) ? undefined : name));
}
