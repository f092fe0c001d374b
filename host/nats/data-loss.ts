import { DiscardPolicy, type ConsumerInfo, type StreamInfo } from './client';
import { covers } from '../../sdk/internal';
import type { Connection } from './connection';
import { filtersOf } from './durable-filters';
import { changeText, droppedSubjects, subjectsOf, type StreamChange } from './stream-changes';
import { countFrom, startAtTime } from './message-count';
import { streamInfo } from './streams';
import type { StreamSettings } from './wanted-streams';

/** A number of events, or bounds for it where the server does not report it exactly. */
export interface EventCount {
  readonly atLeast: number;
  readonly atMost: number;
  /** Whether the number was computed from the mean size of the stored events. */
  readonly estimated?: boolean;
}

/** Stored events that a change of a stream would delete, or no longer deliver to handlers. */
export interface DataLoss {
  /** The change, such as `maxAge 7d → 1h`. */
  readonly change: string;
  /** Whether the events are deleted. If not, they stay stored, but no handler receives them any more. */
  readonly deletes: boolean;
  readonly events: EventCount;
  /** The handlers that have not handled all of these events yet. */
  readonly handlers: readonly { readonly handler: string; readonly events: EventCount }[];
}

/** Counts the stored events that the changes would lose. Sends requests only for changes that can lose any. */
export async function lossesOf(
  connection: Connection,
  wanted: StreamSettings,
  info: StreamInfo,
  changes: readonly StreamChange[],
): Promise<DataLoss[]> {
  const losses: DataLoss[] = [];
  for (const change of changes) {
    const doomed = await doomedBy(connection, change, wanted, info);
    if (!doomed) continue;
    const handlers = doomed.lost ? await unhandled(connection, wanted.name, doomed.lost) : [];
    losses.push({ change: changeText(change), deletes: doomed.deletes, events: doomed.events, handlers });
  }
  return losses;
}

/** Returns the loss of all events of a stream. The consumers are those of the stream. */
export function lossOfAll({ state }: StreamInfo, consumers: Iterable<ConsumerInfo>): Omit<DataLoss, 'change'> {
  const handlers = [...consumers]
    .map((consumer) => ({
      handler: handlerName(consumer),
      events: exactly(consumer.num_pending + consumer.num_ack_pending),
    }))
    .filter(({ events }) => events.atMost > 0);
  return { deletes: true, events: exactly(state.messages), handlers };
}

/** Returns a text such as `3 stored events would be deleted; not handled yet: badge.award 2, ranking.count about 3`. */
export function lossText(loss: DataLoss): string {
  return `${loss.change}: ${lossEffect(loss)}`;
}

/** Returns the effect of a loss as text, without the change that causes it. */
export function lossEffect({ deletes, events, handlers }: Omit<DataLoss, 'change'>): string {
  // A change that affects no stored event is listed only if the change deletes nothing.
  if (events.atMost === 0 && !deletes) {
    return 'later events on the dropped subjects would not be stored; none is stored now';
  }
  const fate = deletes ? 'would be deleted' : 'would reach no handler any more, and later ones would not be stored';
  const each = handlers.map((one) => `${one.handler} would lose ${countText(one.events)} that it has not handled`);
  return `${countText(events)} stored ${events.atMost === 1 ? 'event' : 'events'} ${fate}${each.map((text) => `; ${text}`).join('')}`;
}

function countText({ atLeast, atMost, estimated }: EventCount): string {
  if (estimated) return `about ${Math.round((atLeast + atMost) / 2)}`;
  if (atLeast === 0 && atMost > 0) return `up to ${atMost}`;
  return atLeast === atMost ? String(atMost) : `${atLeast} to ${atMost}`;
}

/** The stored events that a handler could lose: those before a sequence, or those on some subjects. */
type Lost =
  | Before
  /** The credentials do not permit the request that would tell which events a handler could lose. */
  | 'unknown'
  | { readonly subjects: readonly string[]; readonly remaining: readonly string[] };

interface Before {
  readonly before: number;
  readonly estimated?: boolean;
}

interface Doomed {
  readonly deletes: boolean;
  readonly events: EventCount;
  readonly lost?: Lost;
}

async function doomedBy(
  connection: Connection,
  { field }: StreamChange,
  wanted: StreamSettings,
  info: StreamInfo,
): Promise<Doomed | undefined> {
  if (field === 'subjects') return onDroppedSubjects(connection, wanted, info);
  if (field === 'max_age') return olderThan(connection, wanted.max_age ?? 0, info);
  // A sealed stream keeps its own `discard`.
  const { sealed, discard } = info.config;
  if (field === 'max_bytes') return beyondBytes(wanted.max_bytes ?? -1, sealed ? discard : wanted.discard, info);
  if (field === 'max_msgs_per_subject') return olderOnSubjects(wanted.max_msgs_per_subject ?? -1, info);
  return undefined;
}

async function onDroppedSubjects(
  connection: Connection,
  wanted: StreamSettings,
  { config }: StreamInfo,
): Promise<Doomed | undefined> {
  if (droppedSubjects(subjectsOf(config), wanted.subjects).length === 0) return undefined;
  const { state } = await streamInfo(connection, wanted.name, { subjects_filter: '>' });
  const stored = Object.entries(state.subjects ?? {});
  const isHeld = ([subject]: [string, number]): boolean => wanted.subjects.some((own) => covers(own, subject));
  const dropped = stored.filter((entry) => !isHeld(entry));
  const subjects = dropped.map(([subject]) => subject);
  const remaining = stored.filter(isHeld).map(([subject]) => subject);
  return { deletes: false, events: exactly(sum(dropped.map(([, count]) => count))), lost: { subjects, remaining } };
}

async function olderThan(connection: Connection, maxAgeNs: number, info: StreamInfo): Promise<Doomed | undefined> {
  const { state, config } = info;
  if (maxAgeNs === 0 || state.messages === 0) return undefined;
  const nowMs = Date.parse((info as { ts?: string }).ts ?? '') || Date.now();
  const oldestKept = new Date(nowMs - maxAgeNs / 1e6);
  if (Date.parse(state.first_ts) >= oldestKept.getTime()) return undefined;
  const from = await startAtTime(connection, config.name, oldestKept);
  if (!from) return { deletes: true, events: { atLeast: 1, atMost: state.messages }, lost: 'unknown' };
  const events = exactly(Math.max(0, state.messages - from.messages));
  return events.atMost === 0 ? undefined : { deletes: true, events, lost: { before: from.sequence } };
}

/** Estimates the events beyond a size limit, because the server reports only the size of all stored events together. */
function beyondBytes(maxBytes: number, discard: StreamSettings['discard'], { state }: StreamInfo): Doomed | undefined {
  // A stream that discards new events never deletes stored ones for a limit.
  if (maxBytes < 0 || discard === DiscardPolicy.New || state.bytes <= maxBytes) return undefined;
  const count = Math.max(1, Math.ceil(((state.bytes - maxBytes) / state.bytes) * state.messages));
  const events = { atLeast: count, atMost: count, estimated: true };
  return { deletes: true, events, lost: { before: state.first_seq + count, estimated: true } };
}

/**
 * Counts the events that are not the newest of their subject. The host never asks for another limit than one event a
 * subject.
 */
function olderOnSubjects(perSubject: number, { state }: StreamInfo): Doomed | undefined {
  const count = perSubject === 1 ? state.messages - (state.num_subjects ?? state.messages) : 0;
  return count <= 0 ? undefined : { deletes: true, events: exactly(count) };
}

async function unhandled(connection: Connection, stream: string, lost: Lost): Promise<DataLoss['handlers']> {
  const found: { handler: string; events: EventCount }[] = [];
  for await (const consumer of connection.jsm.consumers.list(stream)) {
    if (consumer.config.durable_name === undefined) continue;
    const events = await lostTo(connection, consumer, lost);
    if (events.atMost > 0) found.push({ handler: handlerName(consumer), events });
  }
  return found;
}

async function lostTo(connection: Connection, consumer: ConsumerInfo, lost: Lost): Promise<EventCount> {
  if (lost === 'unknown') return { atLeast: 0, atMost: consumer.num_pending + consumer.num_ack_pending };
  return 'before' in lost ? lostBefore(connection, consumer, lost) : lostOn(connection, consumer, lost);
}

async function lostBefore(
  connection: Connection,
  consumer: ConsumerInfo,
  { before, estimated }: Before,
): Promise<EventCount> {
  const { delivered, ack_floor: floor, num_pending: pending, num_ack_pending: unsettled } = consumer;
  // Events in flight lie above the ack floor. The server does not report their sequences.
  const inFlight =
    before > delivered.stream_seq
      ? exactly(unsettled)
      : { atLeast: 0, atMost: before <= floor.stream_seq + 1 ? 0 : Math.min(unsettled, before - floor.stream_seq - 1) };
  let waiting = exactly(0);
  if (before > delivered.stream_seq + 1) {
    const later = await countFrom(connection, consumer.stream_name, before, filtersOf(consumer.config));
    waiting = later === undefined ? { atLeast: 0, atMost: pending } : exactly(Math.max(0, pending - later));
  }
  const total = plus(waiting, inFlight);
  return estimated && total.atMost > 0 ? { ...total, estimated } : total;
}

/** More subjects than this in one request would be a load for the server. */
const MAX_FILTERS = 1_000;

async function lostOn(
  connection: Connection,
  consumer: ConsumerInfo,
  { subjects, remaining }: { readonly subjects: readonly string[]; readonly remaining: readonly string[] },
): Promise<EventCount> {
  const filters = filtersOf(consumer.config);
  const takes = (subject: string): boolean => filters.some((filter) => covers(filter, subject));
  const { delivered, num_pending: pending, num_ack_pending: unsettled } = consumer;
  const matching = subjects.filter(takes);
  if (matching.length === 0) return exactly(0);
  // No subject of the consumer remains, so all events that it would still deliver are lost.
  if (!remaining.some(takes)) return exactly(pending + unsettled);
  const waiting =
    matching.length > MAX_FILTERS
      ? undefined
      : await countFrom(connection, consumer.stream_name, delivered.stream_seq + 1, matching);
  const unknown = { atLeast: 0, atMost: pending };
  return plus(waiting === undefined ? unknown : exactly(waiting), { atLeast: 0, atMost: unsettled });
}

/**
 * Returns the name of a consumer's handler, such as `badge.award`, or the durable's name if it belongs to no handler.
 */
function handlerName({ name, config }: ConsumerInfo): string {
  const { 'jetplug.plugin': plugin, 'jetplug.handler': handler } = config.metadata ?? {};
  return plugin === undefined || handler === undefined ? `durable ${name}` : `${plugin}.${handler}`;
}

function exactly(count: number): EventCount {
  return { atLeast: count, atMost: count };
}

function plus(a: EventCount, b: EventCount): EventCount {
  return { atLeast: a.atLeast + b.atLeast, atMost: a.atMost + b.atMost };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
