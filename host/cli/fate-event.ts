import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { nearest } from '../config/suggest';
import type { Connection } from '../nats/connection';
import { findEvent, newestFirst, type StoredEvent } from '../nats/stored-event';
import { findStream } from '../nats/streams';
import { eventStreams } from '../ops/event-streams';
import { bytesContain } from '../base/bytes-contain';
import { idOf } from '../ops/stored-event-text';
import { progressBar } from './progress';

/** An event whose fate is asked for. */
export interface AskedEvent {
  readonly stream: string;
  readonly sequence: number;
  /** When the stream was created. */
  readonly streamCreated: string;
  /** The event as it is stored; absent if the stream does not have it any more. */
  readonly stored?: StoredEvent;
  /** The event's id; absent if the stored message is not a valid event, or is gone. */
  readonly id?: string;
  /** Why the stream does not have it any more, in words. */
  readonly gone?: string;
}

/**
 * Finds an event by its stream and sequence, as STREAM:SEQUENCE, or by its id.
 * @param sequence the sequence, if `event` is a stream
 * @param sinceMs a search for an id ends at events that were stored earlier, in milliseconds since 1970
 * @throws JetplugError `JP_NOT_FOUND`, `JP_USAGE`
 */
export async function askedEvent(
  connection: Connection,
  config: Config,
  event: string,
  sequence?: number,
  sinceMs = -Infinity,
): Promise<AskedEvent> {
  if (sequence !== undefined) return eventAt(connection, config, event, sequence);
  const [, stream = '', digits = ''] = /^([^\s.*>/\\:]+):(\d+)$/.exec(event) ?? [];
  // An id may look like a place in a stream.
  if (stream !== '' && (await findStream(connection, stream)))
    return eventAt(connection, config, stream, sequenceOf(digits));
  return eventWithId(connection, config, event, sinceMs);
}

/** @throws JetplugError `JP_USAGE` */
export function sequenceOf(text: string): number {
  const sequence = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(sequence) && sequence >= 1) return sequence;
  throw new JetplugError('JP_USAGE', `${JSON.stringify(text)} is not the sequence of an event`, {
    hint: 'A sequence is a whole number from 1, such as 1203.',
  });
}

/**
 * Finds an event by its stream and sequence. The stream may not have it any more.
 * @throws JetplugError `JP_NOT_FOUND` if there is no such stream, or the sequence was not given to any event yet
 */
async function eventAt(connection: Connection, config: Config, stream: string, sequence: number): Promise<AskedEvent> {
  const info = await findStream(connection, stream);
  if (!info) throw await noStream(connection, config, stream);
  const { first_seq: first, last_seq: last } = info.state;
  if (sequence > last) {
    const has = last === 0 ? 'it has had no event yet' : `its last event is ${last}`;
    throw new JetplugError('JP_NOT_FOUND', `stream ${stream} has no event ${sequence}: ${has}`, {
      hint: 'Give the sequence of an event that was stored, or the id of the event.',
    });
  }
  const stored = await findEvent(connection, stream, sequence);
  if (stored) return asked(stored, info.created, config);
  const gone =
    sequence < first
      ? `its age or the limits of the stream have removed it (the oldest event is now ${first})`
      : 'somebody has deleted it, or a limit of its subject has removed it';
  return { stream, sequence, streamCreated: info.created, gone };
}

async function noStream(connection: Connection, config: Config, name: string): Promise<JetplugError> {
  const known = await eventStreams(connection, config);
  const meant = nearest(name, known);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  return new JetplugError('JP_NOT_FOUND', `there is no stream ${JSON.stringify(name)} on the server${mean}`, {
    hint: known.length === 0 ? 'The server has no stream of events.' : `The streams are ${known.join(', ')}.`,
  });
}

/**
 * Searches the streams for the event with this id, the newest events first.
 * @param sinceMs events that were stored earlier are not searched, in milliseconds since 1970
 * @throws JetplugError `JP_NOT_FOUND`
 */
async function eventWithId(connection: Connection, config: Config, id: string, sinceMs: number): Promise<AskedEvent> {
  const streams = await eventStreams(connection, config);
  const unread: string[] = [];
  for (const stream of streams) {
    const found = await searchStream(connection, config, stream, id, sinceMs);
    if (found === 'unreadable') unread.push(stream);
    else if (found) {
      const info = await findStream(connection, stream);
      if (info) return asked(found, info.created, config);
    }
  }
  const searched = streams.filter((stream) => !unread.includes(stream));
  const where = searched.length === 0 ? 'no stream could be searched' : `searched: ${searched.join(', ')}`;
  const left =
    unread.length === 0 ? '' : `; not searched, because they do not allow direct reads: ${unread.join(', ')}`;
  throw new JetplugError('JP_NOT_FOUND', `no stored event has the id ${JSON.stringify(id)} (${where}${left})`, {
    hint: 'It may have been removed by age, or it never arrived: `npx jetplug fate --subject SUBJECT` says where an event of a subject would go. An event that is gone is found by its stream and sequence.',
  });
}

async function searchStream(
  connection: Connection,
  config: Config,
  stream: string,
  id: string,
  sinceMs: number,
): Promise<StoredEvent | 'unreadable' | undefined> {
  const bar = progressBar(stream);
  // The id as it is in a header, and as JSON writes it. A message without both cannot have it.
  const mayMatch = bytesContain([id, JSON.stringify(id).slice(1, -1)]);
  const progress = (done: number, total: number): void => bar.update(done, total, `${done} of ${total}`);
  try {
    const chunks = newestFirst(connection, stream, { mayMatch, progress });
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return value ? undefined : 'unreadable';
      const match = value.matches.findLast((event) => hasId(event, id, config));
      if (match) return match.storedAtMs < sinceMs ? undefined : match;
      if (value.oldestMs < sinceMs) return undefined;
    }
  } finally {
    bar.stop();
  }
}

function hasId(event: StoredEvent, id: string, config: Config): boolean {
  return event.headers['Nats-Msg-Id'] === id || idOf(event, config) === id;
}

function asked(stored: StoredEvent, streamCreated: string, config: Config): AskedEvent {
  const { stream, sequence } = stored;
  const id = idOf(stored, config);
  return { stream, sequence, streamCreated, stored, ...(id !== undefined && { id }) };
}
