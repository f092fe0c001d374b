import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

const COUNTS = pluginSource(
  'CountsPlugin',
  `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.counts', { from: 'beginning', concurrency: 4 })
  async handle(event: any) {
    await this.seen.update(event.key, (n = 0) => n + 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }`,
);
const FAILS = pluginSource(
  'FailsPlugin',
  `  @Subscribe('video.fails', { from: 'beginning', retry: { attempts: 3, backoff: ['700ms'] } })
  handle(event: any, context: EventContext) {
    context.log.info('ran', {});
    throw new Error('no');
  }`,
);
const EVENTS = 300;
const CONFIG = { delivery: { ackWait: '2s' } };

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
});
afterAll(() => scene.end());

const start = (plugins: string): Promise<TestHost> => scene.host({ server, plugins: [plugins], config: CONFIG });

test('attempts are counted across a restart', async () => {
  const plugins = scene.folder({ 'fails.plugin.ts': FAILS });
  const first = await start(plugins);
  nats.publish('video.fails', '{}');
  await eventually(() => first.logged('ran').length === 1);
  expect(await first.stop()).toBe(0);
  const second = await start(plugins);
  await eventually(async () => (await storedLetters(nats)).length === 1);
  const tries = second.logged('ran').map(({ attempt }) => attempt);
  expect(tries).toEqual([2, 3]);
  expect((await storedLetters(nats))[0]!.header.get('x-attempts')).toBe('3');
  expect(await second.stop()).toBe(0);
});

test('hosts that stop during work, gracefully or killed, lose nothing and leave nothing behind', async () => {
  const plugins = scene.folder({ 'counts.plugin.ts': COUNTS });
  await publishAll();
  // After a graceful stop nothing may be handled twice.
  const first = await start(plugins);
  await eventually(async () => (await total()) >= 60);
  expect(await first.stop()).toBe(0);
  const handledByFirst = await total();
  const second = await start(plugins);
  await eventually(async () => (await total()) >= handledByFirst + 60);
  expect(await total()).toBeLessThan(EVENTS);
  // After a kill the running events are redelivered, and count once.
  await second.kill();
  await start(plugins);
  await eventually(async () => (await pending()) === 0, 20_000);

  const counts = await readStore(nats, 'counts');
  expect(Object.keys(counts)).toHaveLength(EVENTS);
  expect(Object.values(counts).filter((n) => n !== 1)).toEqual([]);
}, 60_000);

async function publishAll(): Promise<void> {
  for (let i = 0; i < EVENTS; i++) nats.publish('video.counts', JSON.stringify({ key: `k${i}` }));
  await nats.flush();
}

async function pending(): Promise<number> {
  const jsm = await nats.jetstreamManager();
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'counts-handle');
  return num_pending + num_ack_pending;
}

/** The number of keys in the plugin's bucket. */
async function total(): Promise<number> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('KV_jetplug-counts');
  return state.messages;
}
