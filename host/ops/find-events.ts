import { covers, isSubscribeSubject, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { Connection } from '../nats/connection';
import { newestFirst, type StoredEvent } from '../nats/stored-event';
import { textAt } from '../records/runs/live-runs';
import { eventStreams } from './event-streams';
import { bytesContain } from '../base/bytes-contain';
import { decodeStored } from './stored-event-text';

/** The events that a search is for. */
export interface EventFilter {
  /** By field; a field within another has dots, such as `order.id`. */
  readonly fields: readonly { readonly path: readonly string[]; readonly value: string }[];
  /** A subject with wildcards. Default: all. */
  readonly subject?: string | undefined;
  /** In milliseconds since 1970. */
  readonly sinceMs: number;
}

/** An event that was found. */
export interface FoundEvent {
  readonly id: string;
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
}

/**
 * Reads the conditions of `--find`.
 * @throws JetplugError `JP_USAGE`
 */
export function readFilter(finds: readonly string[], subject: string | undefined, sinceMs: number): EventFilter {
  assertSubject(subject);
  return { fields: finds.map(readField), subject, sinceMs };
}

/**
 * Checks a subject that may have wildcards.
 * @throws JetplugError `JP_USAGE`
 */
export function assertSubject(subject: string | undefined): void {
  if (subject === undefined || isSubscribeSubject(subject)) return;
  const hint = 'A subject has tokens between dots, * for one token, > for all that follow.';
  throw new JetplugError('JP_USAGE', `${JSON.stringify(subject)} is not a subject`, { hint });
}

/**
 * Reads a condition such as `user_id=u1`.
 * @throws JetplugError `JP_USAGE`
 */
export function readField(text: string): EventFilter['fields'][number] {
  const at = text.indexOf('=');
  if (at > 0) return { path: text.slice(0, at).split('.'), value: text.slice(at + 1) };
  const hint = 'Write a field and its value, such as user_id=u1.';
  throw new JetplugError('JP_USAGE', `${JSON.stringify(text)} is not FIELD=VALUE`, { hint });
}

export interface SearchOptions {
  /** Called with the number of sequences of a stream that have been searched, and with the number of all. */
  readonly searched?: (stream: string, done: number, total: number) => void;
  /** Ends the search after the part of a stream that is being read. */
  readonly signal?: AbortSignal;
}

/** An event that was found, and how its stream holds it. */
export interface FoundStored {
  readonly found: FoundEvent;
  readonly stored: StoredEvent;
}

/** Searches the streams of events, the newest events of each stream first, and yields each event that it finds. */
export async function* findEvents(
  connection: Connection,
  config: Config,
  filter: EventFilter,
  { searched, signal }: SearchOptions = {},
): AsyncGenerator<FoundStored> {
  for (const stream of await eventStreams(connection, config)) {
    // A value that is not in the message's text, as JSON writes it, is not in the event.
    const texts = filter.fields.map(({ value }) => bytesContain([JSON.stringify(value).slice(1, -1)]));
    const mayMatch = (bytes: Uint8Array): boolean => texts.every((isIn) => isIn(bytes));
    const progress = (done: number, total: number): void => searched?.(stream, done, total);
    for await (const { matches, oldestMs } of newestFirst(connection, stream, { mayMatch, progress })) {
      for (const event of [...matches].reverse()) {
        const found = event.storedAtMs >= filter.sinceMs && match(event, filter, config);
        if (found) yield { found, stored: event };
      }
      if (signal?.aborted) return;
      if (oldestMs < filter.sinceMs) break;
    }
  }
}

function match(event: StoredEvent, { fields, subject: wanted }: EventFilter, config: Config): FoundEvent | undefined {
  const { subject, stream, sequence, storedAtMs } = event;
  if (wanted !== undefined && !covers(wanted, subject)) return undefined;
  const decoded = decodeStored(event, config);
  if (decoded.kind !== 'decoded') return undefined;
  const values: Record<string, unknown> = { ...decoded.fields, ...decoded.envelope };
  if (!fields.every(({ path, value }) => textAt(values, path) === value)) return undefined;
  return { id: decoded.envelope.event_id, subject, stream, sequence, time: new Date(storedAtMs).toISOString() };
}
