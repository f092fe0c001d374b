import type { JetStreamManager, NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let host: TestHost;
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const plugins = [scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') })];
  host = await scene.host({ server, plugins });
});
afterAll(() => scene.end());

const publish = (video: string): void =>
  nats.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: video }));
const seen = (): unknown[] => host.logged('seen').map(({ video }) => video);

test.each([1, 2])(
  'a durable that is deleted under a running host is made again, and consumption continues (time %d)',
  async (time) => {
    publish(`before ${time}`);
    await eventually(() => seen().includes(`before ${time}`));
    await jsm.consumers.delete('EVENTS', 'seen-handle');
    await eventually(() => host.logged('the durable consumer is gone; making it again').length >= time);
    await eventually(() => jsm.consumers.info('EVENTS', 'seen-handle'));
    publish(`after ${time}`);
    await eventually(() => seen().includes(`after ${time}`));
    await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
  },
);

test('events that are published while the durable is missing are handled too, and nothing is handled twice', async () => {
  const videos = Array.from({ length: 300 }, (_, n) => `under load ${n}`);
  for (const [n, video] of videos.entries()) {
    publish(video);
    if (n === 150) await jsm.consumers.delete('EVENTS', 'seen-handle');
    else if (n % 10 === 0) await nats.flush();
  }
  await eventually(() => {
    const handled = seen().filter((video) => String(video).startsWith('under load'));
    expect(handled.toSorted()).toEqual(videos.toSorted());
    return true;
  }, 60_000);
}, 90_000);

test('while its stream is missing /readyz reports that the plugin waits; when the stream is back it consumes again', async () => {
  const { config } = await jsm.streams.info('EVENTS');
  await jsm.streams.delete('EVENTS');
  const reasons = async (): Promise<string[]> =>
    ((await (await fetch(`${host.url}/readyz`)).json()) as { reasons: string[] }).reasons;
  await eventually(async () => (await reasons()).includes('plugin seen is waiting'));
  await jsm.streams.add(config);
  await eventually(async () => (await reasons()).length === 0);
  publish('in the new stream');
  await eventually(() => seen().includes('in the new stream'));
});

test('events that arrive in a new stream before its durable exists are handled too', async () => {
  const { config } = await jsm.streams.info('EVENTS');
  await jsm.streams.delete('EVENTS');
  await jsm.streams.add(config);
  for (let i = 0; i < 10; i++) publish(`early ${i}`);
  await eventually(() => seen().includes('early 9'));
  expect(seen().filter((video) => String(video).startsWith('early'))).toHaveLength(10);
});

test('a durable that had delivered nothing is made again at its position: no earlier event is delivered, and none is left out', async () => {
  for (let i = 0; i < 5; i++) publish(`before it ${i}`);
  await eventually(() => seen().includes('before it 4'));
  const plugins = [scene.folder({ 'late.plugin.ts': loggingPlugin('LatePlugin', 'late') })];
  const late = await scene.host({ server, plugins });
  await jsm.consumers.delete('EVENTS', 'late-handle');
  for (let i = 0; i < 5; i++) publish(`after it ${i}`);
  await eventually(() => late.logged('late').length >= 5);
  expect(late.logged('late').map(({ video }) => video)).toEqual(Array.from({ length: 5 }, (_, i) => `after it ${i}`));
});
