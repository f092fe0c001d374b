import fc from 'fast-check';
import { RankingChanged, type VideoWatchStarted } from '../../plugins/contracts/streaming';
import { RankingPlugin, type Board } from '../../plugins/ranking.plugin';
import { MemoryStore, RecordingBus, settingsOf, type Turn } from '../support/plugin-harness';
import { after, atOnce, inOrder, shuffled, watch, watches } from '../support/watches';

function setUp(turn?: Turn, top = 3) {
  const store = new MemoryStore<Board>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new RankingPlugin(store, bus, settingsOf(RankingPlugin, { top })) };
}

type Bench = ReturnType<typeof setUp>;

const DAY_MS = 86_400_000;
const count = ({ plugin }: Bench, event: VideoWatchStarted) => plugin.count(event);
const topOf = ({ store }: Bench) => store.all()['top']?.top ?? [];

test('puts the most watched video on top and publishes only changes of the order', async () => {
  const bench = await inOrder(
    setUp(),
    ['v1', 'v2', 'v2', 'v2', 'v1'].map((video) => watch('u1', video)),
    count,
  );
  expect(topOf(bench).map(({ video_id, points }) => [video_id, points])).toEqual([
    ['v2', 3],
    ['v1', 2],
  ]);
  expect(bench.bus.of(RankingChanged)).toEqual([
    { revision: 1, video_ids: ['v1'] },
    { revision: 2, video_ids: ['v1', 'v2'] },
    { revision: 3, video_ids: ['v2', 'v1'] },
  ]);
});

test('halves the weight of a watch with each day', async () => {
  const old = Array.from({ length: 3 }, () => watch('u1', 'old'));
  const young = [watch('u1', 'young', after(2, DAY_MS))];
  const bench = await inOrder(setUp(), [...old, ...young], count);
  expect(topOf(bench).map(({ video_id }) => video_id)).toEqual(['young', 'old']);
});

test('lets a video that fell out of the top climb back with all its watches', async () => {
  const bench = await inOrder(
    setUp(undefined, 1),
    ['a', 'b', 'b', 'a', 'a'].map((video) => watch('u1', video)),
    count,
  );
  expect(topOf(bench)).toMatchObject([{ video_id: 'a', points: 3 }]);
});

test('is not thrown off by a watch from the far future', async () => {
  const bench = await inOrder(
    setUp(),
    [watch('u1', 'a', '9999-01-01T00:00:00.000Z'), watch('u1', 'b'), watch('u1', 'b')],
    count,
  );
  expect(topOf(bench).map(({ video_id, points }) => [video_id, points])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
});

test('keeps the same scores and the same top in every order of arrival', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), shuffled(watches(DAY_MS)), async (s, [ordered, unordered]) => {
      const one = await inOrder(setUp(), ordered, count);
      const other = await atOnce(s, setUp, unordered, count);
      expect(topOf(other)).toEqual(topOf(one));
      expect(other.store.scope('videos').all()).toEqual(one.store.scope('videos').all());
    }),
  );
});

test('announces each order under a revision of its own, the last of which stands', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), watches(DAY_MS), async (s, events) => {
      const bench = await atOnce(s, setUp, events, count);
      const changes = bench.bus.of(RankingChanged).sort((a, b) => a.revision - b.revision);
      expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, i) => i + 1));
      expect(changes.at(-1)?.video_ids ?? []).toEqual(topOf(bench).map(({ video_id }) => video_id));
    }),
  );
});
