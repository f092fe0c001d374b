/** Consumption stops without any message, for real lengths of time. Takes some minutes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import type { TcpProxy } from '../support/tcp-proxy';
import { count, seconds } from './proof';

/** The maximal time until consumption continues, by itself or after the fault has ended. */
const AGAIN_MS = 30_000;
/** Longer than the host waits for an answer of the server, which is at most 24 s. */
const FROZEN_MS = count(30_000, 60_000);

const scene = new Scene();
let server: TestServer;
let proxy: TcpProxy;
let nats: NatsConnection;
let host: TestHost;
let published = 0;

beforeAll(async () => {
  server = await scene.server();
  proxy = await scene.proxy(server);
  nats = await scene.client(server.url);
  const plugins = [scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') })];
  host = await scene.host({ server: proxy, plugins });
});
afterEach(() => proxy.heal());
afterAll(() => scene.end());

function publish(count: number): void {
  for (let i = 0; i < count; i++) {
    nats.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: `v${published++}` }));
  }
}

/** Waits until all events are handled, and prints how long that took. */
async function goesOn(what: string, limitMs: number): Promise<void> {
  const sinceMs = performance.now();
  await eventually(() => new Set(host.logged('seen').map(({ video }) => video)).size === published, limitMs);
  console.log(`${what}: all handled after ${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`);
}

test('pull requests that get lost are sent again', async () => {
  proxy.dropCommands((command) => command.includes('$JS.API.CONSUMER.MSG.NEXT.'));
  // More events than the earlier pulls requested.
  publish(200);
  await eventually(() => proxy.dropped > 0);
  await sleep(5_000);
  expect(host.logged('seen').length).toBeLessThan(published);
  proxy.heal();
  await goesOn('lost pull requests', AGAIN_MS);
}, 60_000);

test('a half-open connection is replaced by a new one', async () => {
  proxy.swallow();
  publish(20);
  // The host notices it after 16 to 24 s.
  await eventually(() => host.logged('reconnected to the NATS server').length === 1, AGAIN_MS);
  const fresh = `v${published}`;
  publish(1);
  await eventually(() => host.logged('seen').some(({ video }) => video === fresh));
  // Messages that the server sent into the half-open connection are redelivered after its ack wait of 15 s, which may
  // have started just before the connection was replaced.
  await goesOn('after a half-open connection', 20_000);
}, 90_000);

test(`after a server was frozen for ${seconds(FROZEN_MS)}, consumption continues`, async () => {
  server.freeze();
  await sleep(FROZEN_MS);
  server.thaw();
  await eventually(() => nats.rtt(), AGAIN_MS);
  publish(20);
  await goesOn('frozen', AGAIN_MS);
}, 120_000);

test(`after a server was frozen for ${seconds(FROZEN_MS)} and then killed, consumption continues`, async () => {
  server.freeze();
  await sleep(FROZEN_MS);
  await server.kill();
  await server.restart();
  await eventually(() => nats.rtt(), AGAIN_MS);
  publish(20);
  await goesOn('frozen, then killed', AGAIN_MS);
}, 120_000);
