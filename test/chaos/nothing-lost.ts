import type { NatsConnection } from 'nats';
import { derivedId } from '../../host/message/outbox';
import type { Run } from '../../host/message/run';
import type { Board, Score } from '../../plugins/ranking.plugin';
import type { Progress } from '../../plugins/analytics.plugin';
import { minuteOf } from '../../plugins/analytics.plugin';
import { readStore, readStream, type StoredMessage } from '../support/stored';
import { MILESTONES, TICKS_PER_EVENT } from './platform';
import { referenceStores, type Stores } from './reference';

/** The plugins that publish each subject. Most publish at most one event for each cause. */
const EMITTERS: Record<string, readonly [plugin: string, handler: string, subject: string, most: number][]> = {
  'video.watch_started': [
    ['analytics', 'count', 'analytics.window_closed', 10],
    ['badge', 'award', 'badge.awarded', 1],
    ['notification', 'tell', 'notification.requested', 1],
    ['ranking', 'count', 'ranking.changed', 1],
    ['recommendation', 'learn', 'recommendation.updated', 1],
    ['user-preferences', 'learn', 'user.preferences_updated', 1],
  ],
  'video.tick': [
    ['counting', 'count', 'badge.ticked', 1],
    ['counting', 'count', 'badge.tenth', 1],
  ],
};
const CAUSES = ['video.watch_started', 'video.published', 'user.friend_added', 'video.tick'];

/** The events of the stream EVENTS, by their kind. */
interface History {
  readonly causes: readonly StoredMessage[];
  /** The events by subject. */
  readonly emitted: ReadonlyMap<string, readonly StoredMessage[]>;
}

export interface Proved {
  readonly causes: number;
  readonly emitted: number;
  readonly keys: number;
}

/**
 * Fails unless every event of the stream has had its effects once. Checks the values in the stores, the published
 * events, and that nothing is dead-lettered.
 * @param sent how many of the publisher's events the stream has confirmed, without those at the start
 */
export async function expectEffectsOnce(nats: NatsConnection, sent: number): Promise<Proved> {
  // Checked first, because the effects of dead-lettered events are missing below.
  expect((await readStream(nats, 'DEAD')).map(letterOf)).toEqual([]);
  const history = await readHistory(nats);
  // The events of the load have an id; those at the start have none.
  expect(history.causes.filter(({ id }) => id !== '')).toHaveLength(sent);
  const keys = await expectStores(nats, history);
  const emitted = expectEachOnce(history);
  expectAllEmitted(history);
  return { causes: history.causes.length, emitted, keys };
}

async function readHistory(nats: NatsConnection): Promise<History> {
  const all = await readStream(nats, 'EVENTS');
  const emitted = grouped(
    all.filter(({ subject }) => !CAUSES.includes(subject)),
    ({ subject }) => subject,
  );
  return { causes: all.filter(({ subject }) => CAUSES.includes(subject)), emitted };
}

/** Every store has the values as if each event had come once, in order. Values that depend on the order are checked with the published events. */
async function expectStores(nats: NatsConnection, history: History): Promise<number> {
  const expected = await referenceStores(history.causes);
  let keys = 0;
  for (const plugin of Object.keys(expected)) {
    const stored = await readStore(nats, plugin);
    expectOrderedParts(plugin, stored, history);
    expect({ [plugin]: withoutOrder(plugin, stored) }).toEqual({ [plugin]: withoutOrder(plugin, expected[plugin]!) });
    keys += Object.keys(stored).length;
  }
  return keys;
}

/**
 * Removes the values that depend on the order of arrival: the minutes that analytics has open and that its last update
 * closed, and the number of changes of the ranking.
 */
function withoutOrder(plugin: string, store: Stores[string]): object {
  if (plugin === 'analytics') {
    const { 'progress/minutes': _, ...rest } = store;
    return rest;
  }
  if (plugin !== 'ranking') return store;
  const { top } = store['top'] as Board;
  return {
    ...store,
    top: top.map(({ video_id, day, points }: Score & { video_id: string }) => ({ video_id, day, points })),
  };
}

/** Values that depend on the order must fit the published events: each minute is open or closed, and each change was published. */
function expectOrderedParts(plugin: string, store: Stores[string], { causes, emitted }: History): void {
  if (plugin === 'analytics') {
    const { open } = store['progress/minutes'] as Progress;
    const closed = fields(emitted, 'analytics.window_closed', 'window_start').map((start) => minuteOf(String(start)));
    const all = causes
      .filter(({ subject }) => subject === 'video.watch_started')
      .map(timestampOf)
      .map(minuteOf);
    expect([...open, ...closed].sort()).toEqual([...new Set(all)].sort());
  }
  if (plugin === 'ranking') {
    const { revision } = store['top'] as Board;
    expect(numbers(emitted, 'ranking.changed', 'revision')).toEqual(upTo(revision));
  }
}

/** Each published event has a cause and a place in a handler, and no two events have the same ones. */
function expectEachOnce({ causes, emitted }: History): number {
  const possible = new Set(causes.flatMap(idsOf));
  const all = [...emitted.values()].flat();
  const ids = all.map(({ id }) => id);
  expect(repeated(ids)).toEqual([]);
  expect(ids.filter((id) => !possible.has(id))).toEqual([]);
  expect(all.filter((event) => event.json<{ event_id: string }>().event_id !== event.id)).toEqual([]);
  return all.length;
}

/** The ids of all events that a cause may publish. */
function idsOf({ subject, sequence, storedAtMs }: StoredMessage): string[] {
  const delivery = { origin: { stream: 'EVENTS', sequence, storedAtMs } };
  return (EMITTERS[subject] ?? []).flatMap(([plugin, name, emitted, most]) => {
    const run = { delivery, handler: { plugin, name } } as Run;
    return Array.from({ length: most }, (_, ordinal) => derivedId(run, emitted, ordinal));
  });
}

/**
 * Every required event was published. The number of recommendations is not known, because it depends on the order of
 * arrival whether a watch causes one.
 */
function expectAllEmitted({ causes, emitted }: History): void {
  const watches = causes.filter(({ subject }) => subject === 'video.watch_started');
  const byViewer = grouped(watches, (watch) => watch.json<{ user_id: string }>().user_id);
  const badges = [...byViewer].flatMap(([user, { length }]) =>
    MILESTONES.filter((milestone) => milestone <= length).map((milestone) => `${user} ${milestone}`),
  );
  expect(pairs(emitted, 'badge.awarded', 'count')).toEqual(badges.sort());
  // All videos have genres, so each watch causes an event about its viewer's preferences, with their number of watches.
  const tastes = [...byViewer].flatMap(([user, { length }]) => upTo(length).map((n) => `${user} ${n}`));
  expect(pairs(emitted, 'user.preferences_updated', 'watches')).toEqual(tastes.sort());
  const befriended = new Set(
    causes
      .filter(({ subject }) => subject === 'user.friend_added')
      .map((event) => event.json<{ user_id: string }>().user_id),
  );
  const expected = watches
    .map((watch) => watch.json<{ user_id: string; video_id: string }>())
    .filter(({ user_id }) => befriended.has(user_id))
    .map(({ user_id, video_id }) => `${user_id} ${video_id}`);
  expect(pairs(emitted, 'notification.requested', 'video_id')).toEqual(expected.sort());
  expectTicksEmitted(causes, emitted);
}

function expectTicksEmitted(causes: History['causes'], emitted: History['emitted']): void {
  const ticks = causes.filter(({ subject }) => subject === 'video.tick');
  const due = ticks.filter((tick) => tick.json<{ n: number }>().n % TICKS_PER_EVENT === 0);
  expect(numbers(emitted, 'badge.ticked', 'sequence')).toEqual(due.map(({ sequence }) => sequence));
  // A repeated tick gets the total of its first run, so that no tenth is missed or published twice.
  const tenths = upTo(Math.floor(ticks.length / 10)).map((n) => n * 10);
  expect(numbers(emitted, 'badge.tenth', 'total')).toEqual(tenths);
}

function fields(emitted: History['emitted'], subject: string, field: string): unknown[] {
  return (emitted.get(subject) ?? []).map((event) => event.json<Record<string, unknown>>()[field]);
}

function numbers(emitted: History['emitted'], subject: string, field: string): number[] {
  return fields(emitted, subject, field)
    .map(Number)
    .sort((a, b) => a - b);
}

/** The viewer and another field of each event. */
function pairs(emitted: History['emitted'], subject: string, field: string): string[] {
  const users = fields(emitted, subject, 'user_id').map(String);
  return fields(emitted, subject, field)
    .map((value, i) => `${users[i]} ${String(value)}`)
    .sort();
}

function repeated(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.has(id) || !seen.add(id));
}

function letterOf({ subject, header }: StoredMessage): string {
  return `${subject}: ${header('x-dead-letter-reason')}`;
}

function grouped(messages: readonly StoredMessage[], keyOf: (message: StoredMessage) => string) {
  const groups = new Map<string, StoredMessage[]>();
  for (const message of messages) {
    const group = groups.get(keyOf(message));
    if (group) group.push(message);
    else groups.set(keyOf(message), [message]);
  }
  return groups;
}

const timestampOf = (event: StoredMessage): string => event.json<{ timestamp: string }>().timestamp;
const upTo = (most: number): number[] => Array.from({ length: most }, (_, i) => i + 1);
