import fc from 'fast-check';
import { UserPreferencesUpdated, VideoPublished, type VideoWatchStarted } from '../../plugins/contracts/streaming';
import { addWatch, UserPreferencesPlugin, type Taste } from '../../plugins/user-preferences.plugin';
import { eventOf, MemoryStore, RecordingBus, type Turn } from '../support/plugin-harness';
import { after, atOnce, inOrder, shuffled, watch, watches } from '../support/watches';

function setUp(turn?: Turn) {
  const store = new MemoryStore<Taste>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new UserPreferencesPlugin(store, bus) };
}

type Bench = ReturnType<typeof setUp>;

const MONTH_MS = 28 * 86_400_000;
const learn = ({ plugin }: Bench, event: VideoWatchStarted) => plugin.learn(event);
const catalogue = ({ plugin }: Bench, event: VideoPublished) => plugin.catalogue(event);
const published = (video_id: string, genres: string[], month = 0) =>
  eventOf(VideoPublished, { video_id, genres }, after(month, MONTH_MS));

const CATALOGUE = [
  published('v1', ['drama', 'crime']),
  published('v2', ['comedy']),
  published('v3', ['constructor', '__proto__']),
  published('7', ['drama']),
];

test('learns a viewer’s genres and publishes the favourites with their shares', async () => {
  const bench = await inOrder(setUp(), CATALOGUE, catalogue);
  await inOrder(
    bench,
    ['v1', '7', 'v2'].map((video) => watch('u1', video)),
    learn,
  );
  expect(bench.bus.of(UserPreferencesUpdated).at(-1)).toEqual({
    user_id: 'u1',
    watches: 3,
    genres: [
      { genre: 'drama', share: 0.5 },
      { genre: 'comedy', share: 0.25 },
      { genre: 'crime', share: 0.25 },
    ],
  });
});

test('halves the weight of a watch with each month', async () => {
  const bench = await inOrder(setUp(), CATALOGUE, catalogue);
  await inOrder(bench, [watch('u1', '7'), watch('u1', 'v2', after(2, MONTH_MS))], learn);
  expect(bench.store.all()['u1']?.weights).toEqual({ drama: 0.25, comedy: 1 });
});

test('counts a watch of a video that is not in the catalogue, and publishes nothing', async () => {
  const { plugin, store, bus } = setUp();
  await plugin.learn(watch('u1', 'unknown'));
  expect(store.all()['u1']).toMatchObject({ watches: 1, weights: {} });
  expect(bus.of(UserPreferencesUpdated)).toEqual([]);
});

test('keeps the genres that were published last, whichever arrive first', async () => {
  const bench = await inOrder(setUp(), [published('v1', ['new'], 1), published('v1', ['old'], 0)], catalogue);
  await bench.plugin.learn(watch('u1', 'v1'));
  expect(bench.bus.of(UserPreferencesUpdated)).toMatchObject([{ genres: [{ genre: 'new', share: 1 }] }]);
});

test('keeps the 64 genres that weigh most', () => {
  const genres = Array.from({ length: 100 }, (_, i) => `g${i}`);
  const taste = addWatch(addWatch(undefined, genres.slice(0, 60), 1), genres, 1);
  expect(Object.keys(taste.weights)).toHaveLength(64);
  expect(taste.weights).toMatchObject({ g0: 2, g59: 2 });
});

test('keeps the same catalogue and the same tastes in every order of arrival', async () => {
  const genres = fc.subarray(['drama', 'crime', 'comedy']);
  const one = fc.tuple(fc.constantFrom('v1', 'v2'), genres, fc.nat(2));
  const videos = fc.array(one.map(([video, of, month]) => published(video, of, month)));
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      shuffled(videos),
      shuffled(watches(MONTH_MS)),
      async (s, [published1, published2], [watched1, watched2]) => {
        const expected = await inOrder(setUp(), [...CATALOGUE, ...published1], catalogue);
        await inOrder(expected, watched1, learn);
        const actual = await atOnce(s, setUp, [...published2, ...CATALOGUE], catalogue);
        await s.waitFor(Promise.all(watched2.map((event) => learn(actual, event))));
        expect(actual.store.scope('videos').all()).toEqual(expected.store.scope('videos').all());
        expect(actual.store.all()).toEqual(expected.store.all());
      },
    ),
  );
});
