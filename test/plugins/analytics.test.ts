import fc from 'fast-check';
import { AnalyticsPlugin, openMinute, type Progress, type Window } from '../../plugins/analytics.plugin';
import { AnalyticsWindowClosed, type VideoWatchStarted } from '../../plugins/contracts/streaming';
import { MemoryStore, RecordingBus, type Turn } from '../support/plugin-harness';
import { after, atOnce, inOrder, shuffled, watch, watches } from '../support/watches';

function setUp(turn?: Turn) {
  const store = new MemoryStore<Window>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new AnalyticsPlugin(store, bus) };
}

type Bench = ReturnType<typeof setUp>;

const MINUTE_MS = 60_000;
const count = ({ plugin }: Bench, event: VideoWatchStarted) => plugin.count(event);
const atMinute = (minute: number, video = 'v1') => watch('u1', video, after(minute, MINUTE_MS));

test('counts the watches of each minute, and of each video in it', async () => {
  const bench = await inOrder(setUp(), [atMinute(0), atMinute(0, 'v2'), atMinute(0, 'v2'), atMinute(1)], count);
  expect(bench.store.all()).toEqual({
    '2026-05-12T12-00': {
      watches: 3,
      videos: [
        { video_id: 'v2', watches: 2 },
        { video_id: 'v1', watches: 1 },
      ],
    },
    '2026-05-12T12-01': { watches: 1, videos: [{ video_id: 'v1', watches: 1 }] },
  });
  expect(bench.store.scope('videos').all()).toMatchObject({ v1: { '2026-05-12T12-00': 1, '2026-05-12T12-01': 1 } });
});

test('closes a minute with the first watch of a later one', async () => {
  const bench = await inOrder(setUp(), [atMinute(0), atMinute(0), atMinute(5), atMinute(5)], count);
  expect(bench.bus.of(AnalyticsWindowClosed)).toEqual([
    { window_start: '2026-05-12T12:00:00.000Z', watches: 2, videos: [{ video_id: 'v1', watches: 2 }] },
  ]);
});

test('counts a watch that comes late, and does not close its minute again', async () => {
  const bench = await inOrder(setUp(), [atMinute(0), atMinute(1), atMinute(0), atMinute(2)], count);
  expect(bench.store.all()['2026-05-12T12-00']).toMatchObject({ watches: 2 });
  expect(bench.bus.of(AnalyticsWindowClosed).map(({ window_start }) => window_start)).toEqual([
    '2026-05-12T12:00:00.000Z',
    '2026-05-12T12:01:00.000Z',
  ]);
});

test('closes a minute that opened late with the next minute to open', async () => {
  const bench = await inOrder(setUp(), [atMinute(1), atMinute(0), atMinute(2)], count);
  expect(bench.bus.of(AnalyticsWindowClosed)).toHaveLength(2);
});

test('keeps the newest hour of a video and the twenty most watched videos of a minute', async () => {
  const minutes = Array.from({ length: 100 }, (_, i) => atMinute(i));
  const videos = Array.from({ length: 100 }, (_, i) => atMinute(200, `w${i}`));
  const { store } = await inOrder(setUp(), [...minutes, ...videos, atMinute(0)], count);
  const kept = Object.keys(store.scope<object>('videos').all()['v1'] ?? {});
  expect(kept).toHaveLength(60);
  expect(kept[0]).toBe('2026-05-12T12-40');
  expect(store.all()['2026-05-12T15-20']).toMatchObject({ watches: 100 });
  expect(store.all()['2026-05-12T15-20']?.videos).toHaveLength(20);
});

test('closes the earliest minute when a thousand stand open', () => {
  const minutes = Array.from({ length: 1_001 }, (_, i) => String(9_999 - i));
  const last = minutes.reduce<Progress | undefined>(openMinute, undefined);
  expect(last?.closing).toEqual(['8999']);
  expect(last?.open).toHaveLength(1_000);
});

test('keeps the same counts in every order of arrival', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), shuffled(watches(MINUTE_MS)), async (s, [ordered, unordered]) => {
      const one = await inOrder(setUp(), ordered, count);
      const other = await atOnce(s, setUp, unordered, count);
      expect(other.store.all()).toEqual(one.store.all());
      expect(other.store.scope('videos').all()).toEqual(one.store.scope('videos').all());
    }),
  );
});

test('closes every minute once, with no more than was watched in it, in every order of arrival', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), watches(MINUTE_MS), async (s, events) => {
      const bench = await atOnce(s, setUp, events, count);
      await s.waitFor(count(bench, atMinute(100)));
      const closed = bench.bus.of(AnalyticsWindowClosed);
      const minutes = events.map(({ timestamp }) => timestamp);
      expect(closed.map(({ window_start }) => window_start).sort()).toEqual([...new Set(minutes)].sort());
      for (const { window_start, watches } of closed) {
        expect(watches).toBeLessThanOrEqual(minutes.filter((minute) => minute === window_start).length);
      }
    }),
  );
});
