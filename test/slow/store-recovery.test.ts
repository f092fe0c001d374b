import type { JetStreamManager, NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { HostOptions, TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { handled } from '../support/story';

const COUNTS = pluginSource(
  'CountsPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.count', { concurrency: 8 })
  async count({ key }: any) { await this.counts.update(key, (n = 0) => n + 1); }`,
);
const LOG = 'LOG_jetplug-counts';
const BUCKET = 'KV_jetplug-counts';
const LOST = 'committed values are lost';

let scene: Scene;
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string;
let host: TestHost;

beforeEach(async () => {
  scene = new Scene();
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  plugins = scene.folder({ 'counts.plugin.ts': COUNTS });
  host = await start();
});
afterEach(() => scene.end());

const start = (config: HostOptions['config'] = {}): Promise<TestHost> =>
  scene.host({ server, plugins: [plugins], config });

/** Has the handler count each key once, and waits until the bucket has the counts. */
async function count(times: number, keys: readonly string[] = ['a', 'b', 'c']): Promise<void> {
  const before = await Promise.all(keys.map(stored));
  for (let i = 0; i < times; i++) {
    for (const key of keys) await nats.jetstream().publish('video.count', JSON.stringify({ key }));
  }
  await eventually(async () => {
    const after = await Promise.all(keys.map(stored));
    return after.every((n, i) => n === before[i]! + times);
  }, 20_000);
}

async function stored(key: string): Promise<number> {
  const entry = await jsm.streams.getMessage(BUCKET, { last_by_subj: `$KV.jetplug-counts.${key}` }).catch(() => null);
  return entry && !entry.header.get('KV-Operation') ? entry.json<number>() : 0;
}

/** Waits until the checkpoint covers the whole log. */
async function checkpointed(): Promise<void> {
  await eventually(async () => {
    const { state } = await jsm.streams.info(LOG);
    const entry = await jsm.streams.getMessage(BUCKET, { last_by_subj: '$KV.jetplug-counts.=checkpoint' });
    return entry.json<{ n: number }>().n === state.last_seq;
  });
}

async function counts(): Promise<number[]> {
  return Promise.all(['a', 'b', 'c'].map(stored));
}

/** Waits until the bucket has these counts. */
async function countsAre(wanted: readonly number[], timeoutMs?: number): Promise<void> {
  await eventually(async () => String(await counts()) === String(wanted), timeoutMs);
}

async function restart(): Promise<void> {
  await server.restart();
  await eventually(() => nats.rtt());
}

/** Copies a stream, has the handler count on, and puts the copy back while no host runs. */
async function restoreOlder(stream: string): Promise<void> {
  await count(3);
  await checkpointed();
  await server.kill();
  const putBack = server.copyStream(stream);
  await restart();
  await count(4);
  await checkpointed();
  expect(await host.stop()).toBe(0);
  await server.kill();
  putBack();
  await restart();
}

test('a bucket that was restored from an older copy is brought up to date from the log', async () => {
  await restoreOlder(BUCKET);
  expect(await counts()).toEqual([3, 3, 3]);
  host = await start();
  await countsAre([7, 7, 7]);
  await count(1);
  expect(host.logged(LOST)).toEqual([]);
}, 60_000);

test('a log that was restored from an older copy is refused; without it, the plugin runs on from its bucket', async () => {
  await restoreOlder(LOG);
  host = await start();
  const [failure] = await eventually(() => host.logged('a plugin fails').length > 0 && host.logged('a plugin fails'));
  expect(failure).toMatchObject({ plugin: 'counts', code: 'JP_LOG_SHORTENED' });
  expect(await counts()).toEqual([7, 7, 7]);
  expect(await host.stop()).toBe(0);
  await jsm.streams.delete(LOG);
  host = await start();
  expect(await errorsOf(LOST)).toEqual(['JP_LOG_LOST']);
  await count(2);
  expect(await counts()).toEqual([9, 9, 9]);
}, 60_000);

test('a bucket that is older than the log reaches back is refused', async () => {
  await count(2);
  await checkpointed();
  await server.kill();
  const putBack = server.copyStream(BUCKET);
  await restart();
  for (let i = 0; i < 3; i++) await count(1);
  await checkpointed();
  const { state } = await jsm.streams.info(LOG);
  await jsm.streams.purge(LOG, { seq: state.last_seq });
  expect(await host.stop()).toBe(0);
  await server.kill();
  putBack();
  await restart();
  host = await start();
  const [failure] = await eventually(() => host.logged('a plugin fails').length > 0 && host.logged('a plugin fails'));
  expect(failure).toMatchObject({ plugin: 'counts', code: 'JP_LOG_GAP' });
  // The way on that the hint names.
  expect(await host.stop()).toBe(0);
  const kv = await nats.jetstream().views.kv('jetplug-counts');
  await kv.delete('=checkpoint');
  host = await start();
  expect(await errorsOf(LOST)).toEqual(['JP_STORE_INCOMPLETE']);
  await count(1);
}, 60_000);

test('a log that is deleted under a running host is replaced, and no commit is lost or repeated', async () => {
  await count(3);
  await jsm.streams.delete(LOG);
  for (let i = 0; i < 5; i++) nats.publish('video.count', JSON.stringify({ key: 'a' }));
  await eventually(async () => (await stored('a')) === 8, 40_000);
  await count(2);
  expect(await counts()).toEqual([10, 5, 5]);
  expect(await errorsOf(LOST)).toEqual(['JP_LOG_LOST']);
  expect((await jsm.streams.info(LOG)).config.first_seq).toBeGreaterThan(1_000_000);
}, 90_000);

test('a bucket that is deleted under a running host is rebuilt from the log', async () => {
  await count(3);
  await checkpointed();
  await jsm.streams.delete(BUCKET);
  await nats.jetstream().publish('video.count', JSON.stringify({ key: 'd' }));
  await eventually(async () => (await stored('d')) === 1, 60_000);
  await countsAre([3, 3, 3]);
  await count(1);
  expect(host.logged(LOST)).toEqual([]);
}, 120_000);

test('a bucket that is deleted while no host runs is rebuilt; values that the log has not are reported', async () => {
  await count(3);
  await checkpointed();
  expect(await host.stop()).toBe(0);
  await jsm.streams.delete(BUCKET);
  host = await start();
  await countsAre([3, 3, 3]);
  await count(1, ['a']);
  await checkpointed();
  const { state } = await jsm.streams.info(LOG);
  await jsm.streams.purge(LOG, { seq: state.last_seq });
  expect(await host.stop()).toBe(0);
  await jsm.streams.delete(BUCKET);
  host = await start();
  expect(await errorsOf(LOST)).toEqual(['JP_STORE_INCOMPLETE']);
  await countsAre([4, 0, 0]);
  await count(1);
}, 60_000);

test('a bucket that is restored from an older copy under a running host is brought up to date', async () => {
  await count(3);
  await checkpointed();
  await server.kill();
  const putBack = server.copyStream(BUCKET);
  await restart();
  await count(4);
  await checkpointed();
  await server.kill();
  putBack();
  await restart();
  await countsAre([7, 7, 7], 20_000);
  await count(1);
  expect(host.logged(LOST)).toEqual([]);
}, 60_000);

test('log and bucket that are deleted under a running host begin anew, and the loss is reported', async () => {
  await count(3);
  await checkpointed();
  await Promise.all([LOG, BUCKET].map((stream) => jsm.streams.delete(stream)));
  nats.publish('video.count', JSON.stringify({ key: 'e' }));
  await eventually(async () => (await stored('e')) === 1, 60_000);
  await count(1, ['f']);
  expect(host.logged('stream lost with its messages; creating it again').length).toBeGreaterThanOrEqual(2);
}, 120_000);

test('a log that is full of commits which the bucket does not have acknowledges nothing, and the host is not ready', async () => {
  await count(1);
  expect(await host.stop()).toBe(0);
  const { config, state } = await jsm.streams.info(BUCKET);
  host = await start({ store: { logMaxBytes: '8 KiB', maxBytes: state.bytes + 1 } });
  const total = 400;
  for (let i = 0; i < total; i++) await nats.jetstream().publish('video.count', JSON.stringify({ key: `k${i}` }));
  const reasons = await eventually(async () => {
    const ready = await fetch(`${host.url}/readyz`);
    const { reasons } = (await ready.json()) as { reasons: string[] };
    return ready.status === 503 && reasons.some((reason) => reason.includes('log is full')) && reasons;
  }, 30_000);
  expect(reasons).toEqual(['plugin counts: the commit log is full (store.logMaxBytes), so runs wait']);
  const acked = async (): Promise<number> => (await jsm.consumers.info('EVENTS', 'counts-count')).num_ack_pending;
  expect(await acked()).toBeGreaterThan(0);
  await jsm.streams.update(BUCKET, { ...config, max_bytes: -1 });
  // A full log drops no commit before the bucket has had it for some minutes.
  await jsm.streams.update(LOG, { ...(await jsm.streams.info(LOG)).config, max_bytes: -1 });
  await eventually(async () => (await handled(host))['counts.count'] === total, 60_000);
  await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
  const all = (): Promise<unknown[]> => Promise.all(Array.from({ length: total }, (_, i) => stored(`k${i}`)));
  // The bucket follows behind the log.
  await eventually(async () => !(await all()).includes(0));
  expect(await all()).toEqual(Array(total).fill(1));
}, 120_000);

async function errorsOf(msg: string): Promise<unknown[]> {
  const lines = await eventually(() => host.logged(msg).length > 0 && host.logged(msg));
  return lines.map((line) => line['code'] ?? (line['err'] as { code?: string } | undefined)?.code);
}
