import { JetplugError } from '../../sdk/internal';
import { bytesContain } from '../base/bytes-contain';
import { streamFor } from '../broker/stream-state';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { newestFirst, noDirectReads, type StoredEvent } from '../nats/stored-event';
import { streamInfo, streamsHolding } from '../nats/streams';
import { decodeStored } from '../ops/stored-event-text';
import { figure } from './figure';
import { progressBar } from './progress';

/** The events of a subject that a contract is inferred from. */
export interface Samples {
  readonly stream: string;
  /** The number of events of the subject that the stream holds. */
  readonly stored: number;
  /** The fields of the events that are valid. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** The number of events that are not valid, which no handler would get, by reason. */
  readonly invalid: Readonly<Record<string, number>>;
  /** When the oldest and the newest of the events were stored, in milliseconds since 1970. */
  readonly oldestMs: number;
  readonly newestMs: number;
}

const MAX_SAMPLES = 10_000;
/** The payloads of the samples are in memory together. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads the newest events of a subject, at most 10,000, and at most 64 MiB of payloads. Creates no consumer.
 * @throws JetplugError `JP_NOT_FOUND` if no stream has valid events of the subject, `JP_BROKER_OPERATION_FAILED` if the
 * stream does not permit direct reads
 */
export async function readSamples(connection: Connection, config: Config, subject: string): Promise<Samples> {
  const stream = streamFor(config.streams, subject) ?? (await streamsHolding(connection, subject))[0];
  if (stream === undefined) throw noSamples(`no stream holds ${subject}`);
  const { state } = await streamInfo(connection, stream, { subjects_filter: subject });
  const stored = state.subjects?.[subject] ?? 0;
  const events: Readonly<Record<string, unknown>>[] = [];
  const invalid: Record<string, number> = {};
  let [oldestMs, newestMs] = [Infinity, -Infinity];
  for await (const event of eventsOf(connection, stream, subject, Math.min(stored, MAX_SAMPLES))) {
    const decoded = decodeStored(event, config);
    if (decoded.kind === 'decoded') events.push(decoded.fields);
    else invalid[decoded.reason] = (invalid[decoded.reason] ?? 0) + 1;
    oldestMs = Math.min(oldestMs, event.storedAtMs);
    newestMs = Math.max(newestMs, event.storedAtMs);
  }
  if (events.length === 0) throw noSamples(`stream ${stream} has no valid event of ${subject}`);
  return { stream, stored, events, invalid, oldestMs, newestMs };
}

function noSamples(message: string): JetplugError {
  return new JetplugError('JP_NOT_FOUND', message, {
    hint: 'Publish some events of the subject first, or write the contract by hand: `npx jetplug new NAME --on SUBJECT` begins one.',
  });
}

/** Yields the newest events of a subject, the newest first. */
async function* eventsOf(
  connection: Connection,
  stream: string,
  subject: string,
  limit: number,
): AsyncGenerator<StoredEvent> {
  const bar = progressBar(stream);
  const progress = (done: number, total: number): void =>
    bar.update(done, total, `${figure(done)} of ${figure(total)}`);
  const chunks = newestFirst(connection, stream, { mayMatch: bytesContain([subject]), progress });
  let [left, bytes] = [limit, 0];
  try {
    while (left > 0 && bytes < MAX_BYTES) {
      const { done, value } = await chunks.next();
      if (done) {
        if (value) return;
        throw noDirectReads(stream);
      }
      const found = value.matches.filter((event) => event.subject === subject).reverse();
      for (const event of found.slice(0, left)) {
        bytes += event.payload.length;
        yield event;
      }
      left -= found.length;
    }
  } finally {
    bar.stop();
  }
}
