import type { NatsConnection } from 'nats';
import { Connection } from '../../host/nats/connection';
import { Publisher } from '../../host/nats/publisher';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import type { TcpProxy } from '../support/tcp-proxy';

const SEEN = loggingPlugin('SeenPlugin', 'seen');
const ALSO = loggingPlugin('AlsoPlugin', 'also');
const THIRD = loggingPlugin('ThirdPlugin', 'third');

const scene = new Scene();
let server: TestServer;
let proxy: TcpProxy;
let nats: NatsConnection;
let host: TestHost;

beforeAll(async () => {
  server = await scene.server();
  proxy = await scene.proxy(server);
  nats = await scene.client(server.url);
  const plugins = [scene.folder({ 'seen.plugin.ts': SEEN, 'also.plugin.ts': ALSO, 'third.plugin.ts': THIRD })];
  host = await scene.host({ server: proxy, plugins, config: { delivery: { ackWait: '2s' } } });
});
afterAll(() => scene.end());

const publish = (video: string): void =>
  nats.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: video }));
const seen = (video: string): boolean => host.logged('seen').some((line) => line['video'] === video);

test('a connection that is cut is restored, and the host checks each stream at most twice', async () => {
  const looks: string[] = [];
  proxy.dropCommands((command) => {
    const [, stream] = /\$JS\.API\.STREAM\.INFO\.(\S+)/.exec(command) ?? [];
    if (stream !== undefined) looks.push(stream);
    return false;
  });
  proxy.cut();
  await eventually(() => host.logged('reconnected to the NATS server').length === 1);
  publish('after the cut');
  await eventually(() => seen('after the cut'));
  // One check that the stream exists, and one for all handlers together.
  expect(looks.toSorted()).toEqual(['DEAD', 'EVENTS', 'EVENTS', 'KV_jetplug', 'RETRY', 'RETRY', 'RUNS']);
});

test('a half-open connection is dropped when its pings are not answered, and a publish survives it', async () => {
  const connection = await Connection.open({ servers: [proxy.url], name: 'test', pingMs: 200 });
  const lived: string[] = [];
  connection.watch({ disconnected: () => lived.push('lost'), reconnected: () => lived.push('back') });
  const publisher = Publisher.start(connection);
  proxy.swallow();
  const halfOpenAtMs = performance.now();
  const answer = publisher.send({ id: 'half-open', subject: 'video.x', payload: '{}', headers: {} });
  expect(await answer).toMatchObject({ duplicate: false });
  // Two pings, and the time until the third.
  expect(performance.now() - halfOpenAtMs).toBeLessThan(2_000);
  expect(lived).toEqual(['lost', 'back']);
  proxy.swallow();
  const closedAtMs = performance.now();
  await connection.close();
  expect(performance.now() - closedAtMs).toBeLessThan(5_500);
  // The host's own connection was half open too.
  proxy.cut();
});

test('the host waits for a server that is frozen for some seconds', async () => {
  await eventually(() => nats.rtt());
  server.freeze();
  publish('frozen');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(seen('frozen')).toBe(false);
  server.thaw();
  const thawedAtMs = performance.now();
  await eventually(() => seen('frozen'));
  console.log(`3 s frozen: consumed ${Math.round(performance.now() - thawedAtMs)} ms after the thaw`);
});

test('the host reconnects to a server that is frozen, killed, and started again', async () => {
  server.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await server.kill();
  await server.restart();
  const backAtMs = performance.now();
  await eventually(() => nats.rtt());
  publish('after the kill');
  await eventually(() => seen('after the kill'));
  console.log(`frozen and killed: consumed ${Math.round(performance.now() - backAtMs)} ms after the restart`);
});
