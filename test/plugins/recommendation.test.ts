import fc from 'fast-check';
import { startMlService, type MlService } from '../../examples/ml-service';
import { RecommendationUpdated, type VideoWatchStarted } from '../../plugins/contracts/streaming';
import {
  addWatch,
  learn,
  RecommendationPlugin,
  type Neighbours,
  type Watch,
} from '../../plugins/recommendation.plugin';
import { contextOf, MemoryStore, RecordingBus, settingsOf, type Turn } from '../support/plugin-harness';
import { after, atOnce, inOrder, shuffled, watch, watches } from '../support/watches';

function setUp(turn?: Turn, section?: object) {
  const store = new MemoryStore<Watch[]>(turn);
  const bus = new RecordingBus();
  return { store, bus, plugin: new RecommendationPlugin(store, bus, settingsOf(RecommendationPlugin, section)) };
}

type Bench = ReturnType<typeof setUp>;

const MINUTE_MS = 60_000;
const handle = ({ plugin }: Bench, event: VideoWatchStarted) => plugin.learn(event, contextOf());
const neighboursIn = ({ store }: Bench) => store.scope<Neighbours>('videos').all();
const evening = (user: string, ...videos: string[]) =>
  videos.map((video, minute) => watch(user, video, after(minute, MINUTE_MS)));

test('counts videos that one viewer watched next to each other, or next but one', async () => {
  const bench = await inOrder(setUp(), evening('u1', 'a', 'b', 'c', 'd'), handle);
  expect(neighboursIn(bench)).toEqual({
    a: { b: 1, c: 1 },
    b: { a: 1, c: 1, d: 1 },
    c: { a: 1, b: 1, d: 1 },
    d: { b: 1, c: 1 },
  });
});

test('recommends what others watched beside it, the most frequent first, and nothing seen', async () => {
  const bench = await inOrder(setUp(), [...evening('u1', 'a', 'b'), ...evening('u2', 'a', 'b', 'c')], handle);
  await handle(bench, watch('u3', 'a'));
  await handle(bench, watch('u3', 'c', after(1, MINUTE_MS)));
  expect(bench.bus.of(RecommendationUpdated).slice(-2)).toEqual([
    { user_id: 'u3', video_ids: ['b', 'c'] },
    { user_id: 'u3', video_ids: ['b'] },
  ]);
});

test('has nothing to recommend after the first watch of all', async () => {
  const bench = await inOrder(setUp(), [watch('u1', 'a')], handle);
  expect(bench.bus.of(RecommendationUpdated)).toEqual([]);
});

test('keeps the 50 latest watches of a viewer, by their own time', () => {
  const all = Array.from({ length: 60 }, (_, at) => ({ video_id: `v${at}`, at }));
  const kept = all.reverse().reduce<Watch[] | undefined>(addWatch, undefined);
  expect(kept).toHaveLength(50);
  expect(kept?.[0]).toEqual({ video_id: 'v59', at: 59 });
});

test('makes room for new neighbours by halving all counts', () => {
  const full = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`v${i}`, i < 50 ? 1 : 8]));
  const kept = learn(full, new Map([['new', 2]]));
  expect(Object.keys(kept)).toHaveLength(51);
  expect(kept).toMatchObject({ v99: 4, new: 1 });
});

test('learns the same in every order of arrival', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), shuffled(watches(MINUTE_MS)), async (s, [ordered, unordered]) => {
      const one = await inOrder(setUp(), ordered, handle);
      const other = await atOnce(s, setUp, unordered, handle);
      expect(other.store.all()).toEqual(one.store.all());
      expect(dropEmpty(neighboursIn(other))).toEqual(dropEmpty(neighboursIn(one)));
    }),
  );
});

/** A video whose neighbours were parted again has an empty record, or none. */
function dropEmpty(neighbours: Record<string, Neighbours>): Record<string, Neighbours> {
  return Object.fromEntries(Object.entries(neighbours).filter(([, counts]) => Object.keys(counts).length > 0));
}

describe('with an ML service', () => {
  let ml: MlService;
  beforeEach(async () => {
    ml = await startMlService({ latencyMs: 0 });
  });
  afterEach(() => ml.close());

  const asking = (mlTimeout = 10_000) => setUp(undefined, { mlUrl: `${ml.url}/recommend`, mlTimeout });

  test('puts what the service recommends first', async () => {
    const bench = await inOrder(asking(), [...evening('u1', 'a', 'b'), watch('u2', 'c'), watch('u3', 'a')], handle);
    expect(bench.bus.of(RecommendationUpdated).at(-1)).toEqual({ user_id: 'u3', video_ids: ['c', 'b'] });
  });

  test('waits out a service that hangs, at no cost in attempts, and has changed nothing', async () => {
    ml.setMode('hang');
    const bench = asking(50);
    await expect(handle(bench, watch('u1', 'a'))).rejects.toMatchObject({
      name: 'RetryLater',
      delayMs: 2_000,
      cause: { name: 'TimeoutError' },
    });
    expect(bench.store.all()).toEqual({});
  });

  test('waits out a service that is not there', async () => {
    await ml.close();
    await expect(handle(asking(), watch('u1', 'a'))).rejects.toMatchObject({ name: 'RetryLater' });
  });

  test('waits out a service that answers something else', async () => {
    const wrong = setUp(undefined, { mlUrl: `${ml.url}/nowhere` });
    await expect(handle(wrong, watch('u1', 'a'))).rejects.toMatchObject({
      name: 'RetryLater',
      cause: { message: 'it answered 404' },
    });
  });

  test('rejects an event that the service does not take', async () => {
    await expect(handle(asking(), watch('', 'a'))).rejects.toMatchObject({ name: 'Reject' });
  });

  test('stops asking when the host stops', async () => {
    ml.setMode('hang');
    const handling = asking().plugin.learn(watch('u1', 'a'), contextOf(AbortSignal.timeout(20)));
    await expect(handling).rejects.toMatchObject({ name: 'RetryLater' });
  });
});

test('refuses settings whose ML service is no URL', () => {
  expect(() => settingsOf(RecommendationPlugin, { mlUrl: 'ml' })).toThrow(/mlUrl/);
});
