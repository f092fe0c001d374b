import { AckPolicy, RetentionPolicy, type JetStreamManager, type NatsConnection, type StreamConfig } from 'nats';
import { adoptStream } from '../../host/cli/adopt';
import type { Config } from '../../host/config/config';
import type { Connection } from '../../host/nats/connection';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { deleteStreams, openStreams } from '../support/streams';
import { configOf as loaded } from '../support/stream-config';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let config: Config;
let plugins: string;
let common: string[];

const CONFIG = { streams: [{ name: 'EVENTS', subjects: ['video.>'] }] };

beforeAll(async () => {
  ({ server, nats, jsm, connection } = await openStreams(scene));
  plugins = scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`) });
  const folder = scene.folder({ 'config.json': JSON.stringify(CONFIG) });
  common = ['--servers', server.url, '--plugins', plugins, '--config', `${folder}/config.json`];
  config = loaded(scene, { ...CONFIG, plugins: { dirs: [plugins] } });
});
afterEach(() => deleteStreams(jsm));
afterAll(() => scene.end());

const adopt = (...args: string[]): Promise<CliResult> => jetplug(['adopt', ...args, ...common, '--json']);
/** The message of a refused adoption. */
const refusal = (adoption: Promise<unknown>): Promise<unknown> =>
  adoption.then(
    () => 'it was adopted',
    (error: unknown) => ({ code: (error as { code: string }).code, message: (error as Error).message }),
  );
const configOf = async (name: string): Promise<StreamConfig> => (await jsm.streams.info(name)).config;
const markOf = async (name: string): Promise<unknown> => (await configOf(name)).metadata?.['jetplug.deployment'];

test('streams, buckets and durables of an earlier build or an operator are shown, adopted with --yes, and then used by a host', async () => {
  // Some of their settings differ.
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
  await jsm.streams.add({ name: 'DEAD', subjects: ['dead.>'] });
  await jsm.streams.add({ name: 'RETRY', subjects: ['retry.>'] });
  await nats.jetstream().views.kv('jetplug');
  await jsm.consumers.add('EVENTS', {
    durable_name: 'seen-handle',
    ack_policy: AckPolicy.Explicit,
    filter_subject: 'video.watch_started',
  });
  for (const video_id of ['v1', 'v2']) {
    await nats.jetstream().publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id }));
  }
  const before = await configOf('EVENTS');

  const shown = await adopt('stream', 'EVENTS');
  expect(shown.code).toBe(1);
  expect(shown.json()).toEqual({
    kind: 'stream',
    name: 'EVENTS',
    description: 'holds video.>, 2 messages',
    markedBy: null,
    changes: [
      'mark none → jetplug',
      'maxAge unlimited → 7d',
      'maxBytes unlimited → 10 GiB',
      'allow_direct false → true',
    ],
    adopted: false,
  });
  expect(await configOf('EVENTS')).toEqual(before);

  const done = await adopt('stream', 'EVENTS', '--yes');
  expect([done.code, done.json<{ adopted: boolean }>().adopted]).toEqual([0, true]);
  // The next start makes the other changes.
  expect(await configOf('EVENTS')).toEqual({
    ...before,
    metadata: { ...before.metadata, 'jetplug.deployment': 'jetplug' },
  });

  const others = await Promise.all([
    adopt('stream', 'DEAD', '--yes'),
    adopt('stream', 'RETRY', '--yes'),
    adopt('bucket', 'jetplug', '--yes'),
    adopt('durable', 'seen-handle', '--yes'),
  ]);
  expect(others.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(others[3].json()).toMatchObject({ kind: 'durable', stream: 'EVENTS', markedBy: null, adopted: true });
  expect(await Promise.all(['DEAD', 'RETRY', 'KV_jetplug'].map(markOf))).toEqual(['jetplug', 'jetplug', 'jetplug']);

  const host = await scene.host({ server, plugins: [plugins], config: CONFIG });
  await eventually(() => host.logged('seen').length === 2);
  expect(host.logged('stream updated in place').map(({ stream }) => stream)).toEqual(['EVENTS', 'DEAD']);
  expect(await configOf('EVENTS')).toMatchObject({ max_age: 7 * 86_400 * 1e9, max_bytes: 10 * 1024 ** 3 });
  expect((await jsm.consumers.info('EVENTS', 'seen-handle')).config.metadata).toMatchObject({
    'jetplug.deployment': 'jetplug',
  });
  expect(await host.stop()).toBe(0);
}, 60_000);

test('the commit log of a plugin is adopted as a stream', async () => {
  await jsm.streams.add({ name: 'LOG_jetplug-seen', subjects: ['$KV.LOG_jetplug-seen.commit'] });
  expect((await adopt('stream', 'LOG_jetplug-seen', '--yes')).json()).toMatchObject({ kind: 'stream', adopted: true });
  expect(await markOf('LOG_jetplug-seen')).toBe('jetplug');
});

test('only streams, buckets and durables that the config or a plugin declares are adopted', async () => {
  await jsm.streams.add({ name: 'ORDERS', subjects: ['orders.>'] });
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
  await jsm.consumers.add('EVENTS', { durable_name: 'theirs', ack_policy: AckPolicy.Explicit });
  await nats.jetstream().views.kv('jetplug-theirs');
  const [stream, bucket, durable] = await Promise.all([
    adopt('stream', 'ORDERS', '--yes'),
    adopt('bucket', 'jetplug-theirs', '--yes'),
    adopt('durable', 'theirs', '--stream', 'EVENTS', '--yes'),
  ]);
  expect([stream.code, bucket.code, durable.code]).toEqual([1, 1, 1]);
  expect(stream.errors()[0]).toMatchObject({
    code: 'JP_ADOPT_UNWANTED',
    message:
      'neither the config nor a plugin declares stream ORDERS; they declare EVENTS, DEAD, RETRY, LOG_jetplug-seen',
  });
  expect(bucket.errors()[0]).toMatchObject({
    code: 'JP_ADOPT_UNWANTED',
    message: 'neither the config nor a plugin declares bucket jetplug-theirs; they declare jetplug, jetplug-seen',
  });
  expect(durable.errors()[0]).toMatchObject({
    code: 'JP_ADOPT_UNWANTED',
    message:
      'neither the config nor a plugin declares durable theirs on stream EVENTS; they declare seen-handle (EVENTS), seen--handle (RETRY)',
  });
  expect(await Promise.all(['ORDERS', 'EVENTS', 'KV_jetplug-theirs'].map(markOf))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('an adoption is refused when the next start of a host would refuse the changes', async () => {
  await jsm.streams.add({ name: 'EVENTS', subjects: ['shop.>'] });
  await nats.jetstream().publish('shop.order', '{}');
  await jsm.streams.add({ name: 'DEAD', subjects: ['dead.>'], retention: RetentionPolicy.Workqueue });
  const before = [await configOf('EVENTS'), await configOf('DEAD')];
  expect(await refusal(adoptStream('EVENTS', config, connection, true))).toEqual({
    code: 'JP_STREAM_DATA_LOSS',
    message: expect.stringContaining('subjects shop.> → video.>: 1 stored event would reach no handler any more'),
  });
  expect(await refusal(adoptStream('DEAD', config, connection, true))).toEqual({
    code: 'JP_STREAM_NOT_UPDATABLE',
    message: 'stream DEAD: retention workqueue → limits',
  });
  expect(await refusal(adoptStream('RETRY', config, connection, true))).toEqual({
    code: 'JP_NOT_FOUND',
    message: 'there is no stream RETRY',
  });
  const unmanaged = loaded(scene, { streams: [{ ...CONFIG.streams[0], manage: false }], plugins: { dirs: [plugins] } });
  expect(await refusal(adoptStream('EVENTS', unmanaged, connection, true))).toEqual({
    code: 'JP_ADOPT_UNWANTED',
    message: 'the config says manage: false for stream EVENTS',
  });
  expect([await configOf('EVENTS'), await configOf('DEAD')]).toEqual(before);
});

test('a mirror is not adopted, because it cannot have subjects', async () => {
  await jsm.streams.add({ name: 'ORIGIN', subjects: ['shop.>'] });
  await jsm.streams.add({ name: 'EVENTS', mirror: { name: 'ORIGIN' } });
  const before = await configOf('EVENTS');
  expect(await refusal(adoptStream('EVENTS', config, connection, true))).toEqual({
    code: 'JP_STREAM_MIRROR',
    message: 'stream EVENTS is a mirror of ORIGIN: nothing can be published to it',
  });
  expect(await configOf('EVENTS')).toEqual(before);
});

test('the text output names the owner, the changes, and the flag to add', async () => {
  await jsm.streams.add({ name: 'RETRY', subjects: ['retry.>'], metadata: { 'jetplug.deployment': 'staging' } });
  const shown = await jetplug(['adopt', 'stream', 'RETRY', ...common]);
  expect([shown.code, shown.stdout.split('\n').slice(0, 5)]).toEqual([
    1,
    [
      'stream RETRY: holds retry.>, 0 messages',
      '  mark staging → jetplug',
      '  discard old → new  at the next start of a host',
      '  allow_direct false → true  at the next start of a host',
      'Nothing is changed. Add --yes to adopt it.',
    ],
  ]);
  await jetplug(['adopt', 'stream', 'RETRY', ...common, '--yes']);
  const again = await jetplug(['adopt', 'stream', 'RETRY', ...common]);
  expect([again.code, again.stdout]).toEqual([
    0,
    'stream RETRY: holds retry.>, 0 messages\nIt is this deployment’s already; nothing is changed.\n',
  ]);
});
