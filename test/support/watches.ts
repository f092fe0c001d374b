/** Random watches, in order and in any other order. Plugins must end with the same state. */
import fc from 'fast-check';
import { VideoWatchStarted } from '../../plugins/contracts/streaming';
import { eventOf, NOON, type Turn } from './plugin-harness';

// Names that every object has are names that people type.
const userId = fc.constantFrom('u1', 'u2', 'constructor');
const videoId = fc.constantFrom('v1', 'v2', 'v3', 'v4', '__proto__', 'toString', '7');

export function watch(user_id: string, video_id: string, at = NOON): VideoWatchStarted {
  return eventOf(VideoWatchStarted, { user_id, video_id }, at);
}

/** The time so many of the units after noon, as a timestamp. */
export function after(amount: number, unitMs: number): string {
  return new Date(Date.parse(NOON) + amount * unitMs).toISOString();
}

/** Up to 40 watches within 20 of the units, with ties. */
export function watches(unitMs: number): fc.Arbitrary<VideoWatchStarted[]> {
  const one = fc.tuple(userId, videoId, fc.integer({ min: 0, max: 20 }));
  return fc.array(
    one.map(([user, video, amount]) => watch(user, video, after(amount, unitMs))),
    { maxLength: 40 },
  );
}

/** A list, and the same list in another order. */
export function shuffled<T>(list: fc.Arbitrary<T[]>): fc.Arbitrary<[T[], T[]]> {
  return list.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
}

/** Handles the events one after the other. */
export async function inOrder<Bench, E>(
  bench: Bench,
  events: E[],
  handle: (bench: Bench, event: E) => Promise<void>,
): Promise<Bench> {
  for (const event of events) await handle(bench, event);
  return bench;
}

/** Handles the events concurrently; the scheduler chooses the order of their store operations. */
export async function atOnce<Bench, E>(
  scheduler: fc.Scheduler,
  setUp: (turn: Turn) => Bench,
  events: E[],
  handle: (bench: Bench, event: E) => Promise<void>,
): Promise<Bench> {
  const bench = setUp(() => scheduler.schedule(Promise.resolve()));
  await scheduler.waitFor(Promise.all(events.map((event) => handle(bench, event))));
  return bench;
}
