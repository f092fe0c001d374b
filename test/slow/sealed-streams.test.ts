import type { JetStreamManager, NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import { ensureStreams } from '../../host/nats/ensure-streams';
import type { StreamState } from '../../host/broker/stream-state';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;

beforeAll(async () => {
  ({ server, nats, jsm, connection } = await openStreams(scene));
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

const VIDEO = { name: 'EVENTS', subjects: ['video.>'], maxAge: '7d' };
const start = (stream: object = {}): Promise<StreamState[]> =>
  ensureStreams(connection, configOf(scene, { streams: [{ ...VIDEO, ...stream }] }));
const seal = async (name: string): Promise<void> => {
  const { config } = await jsm.streams.info(name);
  // The client has no type for `sealed` in an update.
  await jsm.streams.update(name, { ...config, ...{ sealed: true } });
};

test('a sealed stream of events is unchanged at each start, because the server keeps its maxAge and discard', async () => {
  await start();
  await nats.jetstream().publish('video.a', '{}');
  await seal('EVENTS');
  for (let n = 0; n < 2; n++) {
    const [events] = await start();
    expect(events).toMatchObject({ change: 'unchanged', sealed: true, messages: 1 });
    expect(events).not.toHaveProperty('changes');
  }
  expect((await jsm.streams.info('EVENTS')).config).toMatchObject({ sealed: true, max_age: 0, discard: 'new' });
});

test('other settings of a sealed stream are updated once, and delete no event', async () => {
  await start({ maxBytes: '1GiB' });
  for (let n = 0; n < 10; n++) await nats.jetstream().publish('video.a', 'x'.repeat(1_000));
  await seal('EVENTS');
  const smaller = { subjects: ['video.>', 'audio.>'], maxBytes: '2KiB' };
  expect((await start(smaller))[0]).toMatchObject({
    change: 'updated',
    changes: ['subjects video.> → video.> audio.>', 'maxBytes 1 GiB → 2 KiB'],
  });
  expect((await start(smaller))[0]).toMatchObject({ change: 'unchanged', sealed: true, messages: 10 });
});

test.each([
  ['DEAD', 'stream DEAD is sealed: the host can store nothing in it'],
  ['RETRY', 'stream RETRY is sealed: the host can store nothing in it'],
  ['KV_jetplug', 'stream KV_jetplug is sealed: the host can store nothing in it'],
])('a host does not start while %s, in which it stores its own data, is sealed', async (stream, message) => {
  const plugins = scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') });
  const host = await scene.host({ server, plugins: [plugins] });
  expect(await host.stop()).toBe(0);
  await seal(stream);
  const result = await jetplug(['start', '--json', '--servers', server.url, '--http', 'off', '--plugins', plugins]);
  expect(result.code).toBe(1);
  expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_STREAM_SEALED', message })]);
});

test('a host handles the events of a sealed stream, and warns that the server refuses new ones', async () => {
  await start();
  await nats.jetstream().publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  await seal('EVENTS');
  const plugins = [scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`) })];
  const host = await scene.host({ server, plugins, config: { streams: [VIDEO] } });
  await eventually(() => host.logged('seen').length === 1);
  expect(host.logged('stream updated in place')).toEqual([]);
  expect(host.logged('stream is sealed; the server refuses new events and keeps its maxAge')).toEqual([
    expect.objectContaining({ level: 'warn', stream: 'EVENTS' }),
  ]);
  expect(await host.stop()).toBe(0);
});

describe("a plugin's own streams", () => {
  const config = () => configOf(scene, { streams: [VIDEO] });
  const openers = [
    ['LOG_jetplug-badge', () => JetStreamLog.open(connection, 'badge', config())],
    ['KV_jetplug-badge', () => Bucket.open(connection, 'jetplug-badge', config())],
  ] as const;

  test.each(openers)('are refused if they are sealed: %s', async (stream, open) => {
    await open();
    await seal(stream);
    await expect(open()).rejects.toMatchObject({
      code: 'JP_STREAM_SEALED',
      message: `stream ${stream} is sealed: the host can store nothing in it`,
    });
  });

  test.each(openers)('take messages of any size again if somebody has limited it: %s', async (stream, open) => {
    await open();
    const { config: before } = await jsm.streams.info(stream);
    await jsm.streams.update(stream, { ...before, max_msg_size: 1_000 });
    await open();
    expect((await jsm.streams.info(stream)).config.max_msg_size).toBe(-1);
  });
});
