import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { concurrency: 8 })
  async count(event: any, context: EventContext) {
    if (event.bad) throw new Reject('bad');
    await this.counts.update('total', (n = 0) => n + 1);
    await this.events.publish('badge.ticked', { n: event.n });
  }
  @Subscribe('badge.ticked')
  async hear(event: any) { await this.counts.update('heard.' + event.n, (n = 0) => n + 1); }`,
);
const OTHER = pluginSource(
  'OtherPlugin',
  `  @Subscribe('video.tick')
  handle(event: any, context: EventContext) { context.log.info('other', { n: event.n }); }`,
);
/** Its handler runs until the file that the event names exists. */
const WAITS = pluginSource(
  'WaitsPlugin',
  `  @Subscribe('video.waits', { concurrency: 2 })
  async handle(event: any, context: EventContext) {
    context.log.info('begun', { n: event.n });
    while (!existsSync(event.until)) await new Promise<void>((resolve) => setTimeout(resolve, 10));
    context.log.info('done', { n: event.n });
  }`,
  { before: `import { existsSync } from 'node:fs';` },
);
const LOST = 'stream lost with its messages; creating it again';
const STREAMS = ['DEAD', 'EVENTS', 'KV_jetplug', 'KV_jetplug-counting', 'LOG_jetplug-counting', 'RETRY', 'RUNS'];

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string[];
let host: TestHost;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  plugins = [scene.folder({ 'counting.plugin.ts': COUNTING, 'other.plugin.ts': OTHER, 'waits.plugin.ts': WAITS })];
  host = await start();
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins, config: { delivery: { ackWait: '2s' } } });
const isReady = async (): Promise<boolean> => (await fetch(`${host.url}/readyz`)).status === 200;

test('a short interruption of the server costs one check: nothing is treated as lost', async () => {
  await publish(1, 50);
  // The count publishes events too, so each event of it is stored as well.
  await eventually(async () => (await counted()) === 50 && (await stored()) === 100);
  await server.kill();
  await eventually(async () => !(await isReady()));
  await server.restart();
  await eventually(isReady);
  await eventually(() => nats.rtt());
  await publish(51, 60);
  await eventually(async () => (await counted()) === 60);
  expect(host.logged(LOST)).toEqual([]);
});

test('a server that comes back without its data gets streams, buckets and durables again, and the loss is reported', async () => {
  // An event that a count publishes after the loss would be counted again.
  await eventually(async () => (await stored()) === 120 && (await unsettled()) === 0);
  const { seq: lastTick } = await nats.jetstream().publish('video.tick', JSON.stringify({ bad: true }));
  await eventually(async () => (await storedLetters(nats)).length === 1);
  await eventually(() => host.logged('other').length === 61);
  await loseAll();

  expect(
    host
      .logged(LOST)
      .map(({ stream }) => stream)
      .toSorted(),
  ).toEqual(STREAMS);
  const lost = host.logged(LOST).find(({ stream }) => stream === 'EVENTS');
  expect(lost).toMatchObject({ level: 'error', lost: 'the events of stream EVENTS' });
  // The values of the check after the short interruption, or of a later one.
  expect(lost!['messages']).toBe(lost!['lastSequence']);
  expect(lost!['messages']).toBeGreaterThanOrEqual(100);
  expect(host.logged(LOST).find(({ stream }) => stream === 'KV_jetplug-counting')).toMatchObject({
    lost: 'the store of plugin counting (bucket jetplug-counting)',
  });
  expect(host.logged(LOST).find(({ stream }) => stream === 'LOG_jetplug-counting')).toMatchObject({
    lost: 'the commits of plugin counting',
  });
  const again = host.logged('the stream was made again; its events are taken from its beginning');
  expect(again.find(({ durable }) => durable === 'other-handle')).toMatchObject({
    stream: 'EVENTS',
    lastHandled: lastTick,
  });

  await publish(101, 200);
  await eventually(async () => (await counted()) === 100);
  await eventually(() => host.logged('other').length === 161);
});

test('after the loss, effects happen once for a killed host as before', async () => {
  await publish(201, 400);
  await eventually(async () => (await counted()) > 120);
  await host.kill();
  host = await start();
  await publish(401, 500);
  await eventually(async () => (await counted()) === 400 && (await unsettled()) === 0, 20_000);
  const once = Array.from({ length: 400 }, (_, i) => [`heard.${101 + i}`, 1] as const);
  expect(await readStore(nats, 'counting')).toEqual({ total: 400, ...Object.fromEntries(once) });
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: 'badge.ticked' });
  expect(state.subjects!['badge.ticked']).toBe(400);
}, 60_000);

test('events that are published before the host has reconnected are handled too', async () => {
  const config = (await jsm.streams.info('EVENTS')).config;
  await server.kill();
  server.wipe();
  await server.restart();
  await eventually(() => nats.rtt());
  // Before or after the host's check.
  await jsm.streams.add(config);
  await publish(501, 550);
  await eventually(async () => (await counted()) === 50);
  await eventually(isReady);
});

test('a run for an event of the lost stream does not settle the new event with the same sequence', async () => {
  const folder = scene.folder();
  const [old, later] = [join(folder, 'old'), join(folder, 'later')];
  const waits = (n: number, until: string): void => nats.publish('video.waits', JSON.stringify({ n, until }));
  const begun = (): unknown[] => host.logged('begun').map(({ n }) => n);
  const inFlight = async (): Promise<number> => (await jsm.consumers.info('EVENTS', 'waits-handle')).num_ack_pending;
  await loseAll();
  waits(1, old);
  await eventually(() => begun().includes(1));
  await loseAll();
  waits(2, later);
  await eventually(() => begun().includes(2));
  writeFileSync(old, '');
  await eventually(() => host.logged('done').length === 1);
  await nats.flush();
  expect((await jsm.streams.info('EVENTS')).state.last_seq).toBe(1);
  expect(await inFlight()).toBe(1);
  writeFileSync(later, '');
  await eventually(async () => (await inFlight()) === 0);
  expect(begun()).toEqual([1, 2]);
});

test('a bucket that somebody deletes under a running host is made again at the next use', async () => {
  await jsm.streams.delete('KV_jetplug-counting');
  await publish(551, 560);
  await eventually(async () => (await counted()) === 10, 20_000);
  expect(host.logged(LOST).at(-1)).toMatchObject({ stream: 'KV_jetplug-counting' });
});

async function loseAll(): Promise<void> {
  const before = host.logged(LOST).length;
  await server.kill();
  server.wipe();
  await server.restart();
  await eventually(() => host.logged(LOST).length === before + STREAMS.length);
  await eventually(isReady);
  await eventually(() => nats.rtt());
}

async function publish(first: number, last: number): Promise<void> {
  for (let n = first; n <= last; n++) nats.publish('video.tick', JSON.stringify({ n }));
  await nats.flush();
}

/** The plugin's counts. */
async function counted(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-counting', { bindOnly: true });
  return (await bucket.get('total'))?.json<number>() ?? 0;
}

async function stored(): Promise<number> {
  return (await jsm.streams.info('EVENTS')).state.messages;
}

async function unsettled(): Promise<number> {
  const all = await Promise.all(
    ['counting-count', 'counting-hear'].map((durable) => jsm.consumers.info('EVENTS', durable)),
  );
  return all.reduce((sum, { num_pending, num_ack_pending }) => sum + num_pending + num_ack_pending, 0);
}
