import {
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  type JetStreamManager,
  type NatsConnection,
  type StreamConfig,
} from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { Connection } from '../../host/nats/connection';
import { ensureStreams } from '../../host/nats/ensure-streams';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { loggingPlugin, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';
import type { StreamState } from '../../host/broker/stream-state';

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

const VIDEO = { name: 'EVENTS', subjects: ['video.>'] };
/** The settings with which the host would create it, without the mark. */
const SUITABLE: Partial<StreamConfig> & { name: string } = {
  ...VIDEO,
  max_age: nanos(7 * 86_400_000),
  max_bytes: 10 * 1024 ** 3,
  duplicate_window: nanos(120_000),
  allow_direct: true,
};

/** The names of all streams. */
async function names(): Promise<string[]> {
  const all: string[] = [];
  for await (const { config } of jsm.streams.list()) all.push(config.name);
  return all.sort();
}

/** All messages of another application in a stream. */
async function content(stream: string): Promise<unknown> {
  const { config, state } = await jsm.streams.info(stream);
  const messages: string[] = [];
  for (let seq = state.first_seq; seq > 0 && seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(stream, { seq });
    messages.push(`${message.seq} ${message.subject} ${message.string()}`);
  }
  const { consumer_count: _, ...stored } = state;
  return { config, stored, messages };
}

const start = (written: object = {}): Promise<StreamState[]> =>
  ensureStreams(connection, configOf(scene, { streams: [VIDEO], ...written }));

test('another application’s EVENTS and DEAD stay unchanged; the start names both, and the ways out', async () => {
  await jsm.streams.add({
    name: 'EVENTS',
    subjects: ['shop.>'],
    max_age: nanos(365 * 86_400_000),
    discard: DiscardPolicy.New,
  });
  await jsm.streams.add({ name: 'DEAD', subjects: ['shopdead.>'] });
  for (let i = 0; i < 3; i++) {
    await nats.jetstream().publish('shop.order', `{"i":${i}}`);
    await nats.jetstream().publish('shopdead.a', `{"i":${i}}`);
  }
  const before = [await content('EVENTS'), await content('DEAD')];
  const plugins = scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') });
  const result = await jetplug(['start', '--json', '--servers', server.url, '--http', 'off', '--plugins', plugins]);
  expect(result.code).toBe(1);
  const [events, dead] = result.errors();
  expect(events).toMatchObject({
    code: 'JP_STREAM_FOREIGN',
    message: expect.stringMatching(
      /^stream EVENTS is not managed by the deployment jetplug: it holds shop\.> \(3 messages, kept for 365d\), was created on \d{4}-\d\d-\d\d, and has no mark of a deployment\. The config would change subjects shop\.> → video\.> .*, discard new → old, maxAge 365d → 7d/,
    ),
    hint: 'Choose one: give your stream another name (streams[].name); or set deploy.allowDataLoss: true and take it over: `jetplug adopt stream EVENTS` then shows which events would be lost.',
  });
  expect(dead).toMatchObject({
    code: 'JP_STREAM_FOREIGN',
    hint: expect.stringMatching(/another stream \(deadLetters\.stream\).*`jetplug adopt stream DEAD`/),
  });
  // Its messages are not treated as dead letters either.
  const drop = await jetplug(['dead', 'drop', '--all', '--json', '--servers', server.url]);
  expect([drop.code, drop.errors()[0]]).toMatchObject([1, { code: 'JP_STREAM_FOREIGN' }]);
  expect([await content('EVENTS'), await content('DEAD')]).toEqual(before);
  expect(await names()).toEqual(['DEAD', 'EVENTS']);
  // The application can publish as before.
  expect(await nats.jetstream().publish('shop.order', '{}')).toMatchObject({ stream: 'EVENTS', seq: 4 });
});

test.each<[string, Partial<StreamConfig>, boolean]>([
  ['where nothing is lost by it', { subjects: ['video.watch_started'] }, false],
  ['where subjects would be dropped', { subjects: ['video.>', 'shop.>'], max_age: nanos(3_600_000) }, true],
])('the hint to adopt is true %s', async (_, theirs, losesEvents) => {
  await jsm.streams.add({ ...SUITABLE, ...theirs });
  const config = { streams: [VIDEO] };
  const adopt = (written: object) => {
    const cwd = scene.folder({ 'c.json': JSON.stringify(written) });
    return jetplug(['adopt', 'stream', 'EVENTS', '--json', '--servers', server.url, '--config', 'c.json'], { cwd });
  };
  const { hint } = (await start().catch((error: unknown) => error)) as { hint: string };
  expect(hint).toContain('`jetplug adopt stream EVENTS`');
  expect(hint.includes('set deploy.allowDataLoss: true and')).toBe(losesEvents);
  const asTheHintSays = losesEvents ? { ...config, deploy: { allowDataLoss: true } } : config;
  expect((await adopt(asTheHintSays)).json()).toMatchObject({ kind: 'stream', name: 'EVENTS', adopted: false });
  if (losesEvents) expect((await adopt(config)).errors()).toMatchObject([{ code: 'JP_STREAM_DATA_LOSS' }]);
});

test('the way out in the error works: other stream names beside those of the other application', async () => {
  await jsm.streams.add({ name: 'EVENTS', subjects: ['shop.>'] });
  await jsm.streams.add({ name: 'DEAD', subjects: ['shopdead.>'] });
  const states = await start({ streams: [{ ...VIDEO, name: 'VIDEO' }], deadLetters: { stream: 'LETTERS' } });
  expect(states.map(({ name, change }) => [name, change])).toEqual([
    ['VIDEO', 'created'],
    ['LETTERS', 'created'],
  ]);
  for (const name of ['VIDEO', 'LETTERS', 'RETRY', 'KV_jetplug']) {
    expect((await jsm.streams.info(name)).config.metadata).toMatchObject({ 'jetplug.deployment': 'jetplug' });
  }
  expect((await jsm.streams.info('DEAD')).config.subjects).toEqual(['shopdead.>']);
});

test.each([
  ['its subjects are others', { subjects: ['again.>'] }],
  [
    'it has just the settings that the host would give it',
    { subjects: ['retry.>'], discard: DiscardPolicy.New, allow_direct: true },
  ],
])('another application’s RETRY is refused where %s, and nothing is created', async (_, config) => {
  await jsm.streams.add({ name: 'RETRY', ...config });
  await nats.jetstream().publish(config.subjects[0]!.replace('>', 'x'), '{}');
  const before = await content('RETRY');
  await expect(start()).rejects.toMatchObject({
    code: 'JP_STREAM_FOREIGN',
    hint: expect.stringMatching(/another NATS account.*`jetplug adopt stream RETRY`/),
  });
  expect(await content('RETRY')).toEqual(before);
  expect(await names()).toEqual(['RETRY']);
});

test('another application’s bucket is refused, with the host’s name or a plugin’s', async () => {
  const own = await nats.jetstream().views.kv('jetplug', { history: 5 });
  await own.put('theirs', 'value');
  await nats.jetstream().views.kv('jetplug-badge');
  const before = [await content('KV_jetplug'), await content('KV_jetplug-badge')];
  await expect(start()).rejects.toMatchObject({
    code: 'JP_BUCKET_FOREIGN',
    message: expect.stringMatching(/^bucket jetplug is not managed .* holds \$KV\.jetplug\.> \(1 messages/),
    hint: expect.stringMatching(/^(?!.*@Plugin).*`jetplug adopt bucket jetplug`/),
  });
  await expect(Bucket.open(connection, 'jetplug-badge', configOf(scene))).rejects.toMatchObject({
    code: 'JP_BUCKET_FOREIGN',
    hint: expect.stringContaining('`jetplug adopt bucket jetplug-badge`'),
  });
  expect([await content('KV_jetplug'), await content('KV_jetplug-badge')]).toEqual(before);
});

test('a plugin whose bucket is foreign runs under another name, as the hint says', async () => {
  await nats.jetstream().views.kv('jetplug-badge');
  const startAs = (options: string) => {
    const body = `  constructor(readonly store: Store) {}\n  @Subscribe() handle(_: VideoWatchStarted) {}`;
    const plugins = [scene.folder({ 'badge.plugin.ts': pluginSource('BadgePlugin', body, { options }) })];
    return scene.host({ server, plugins, config: { streams: [VIDEO] } });
  };
  const refused = await startAs('');
  expect(refused.logged('a plugin fails')).toMatchObject([
    { plugin: 'badge', code: 'JP_BUCKET_FOREIGN', hint: expect.stringContaining('@Plugin({ name })') },
  ]);
  await refused.stop();
  const renamed = await startAs(`{ name: 'medal' }`);
  expect(renamed.logged('a plugin fails')).toEqual([]);
  expect(await names()).toContain('KV_jetplug-medal');
  await renamed.stop();
});

test('an unmarked stream with suitable settings is used and not changed, which is logged once', async () => {
  await jsm.streams.add({ ...SUITABLE, subjects: ['video.>', 'shop.>'], max_msgs: 1_000_000 });
  const before = await content('EVENTS');
  const plugins = [scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') })];
  const host = await scene.host({ server, plugins, config: { streams: [VIDEO] } });
  expect(host.logged('stream is unmanaged; using it without changes')).toMatchObject([
    { stream: 'EVENTS', subjects: ['video.>'] },
  ]);
  expect(host.ready.streams[0]).toMatchObject({ name: 'EVENTS', change: 'unmanaged' });
  expect(await content('EVENTS')).toEqual(before);
  nats.publish('video.watch_started', JSON.stringify({ user_id: 'u1', video_id: 'v1' }));
  await eventually(() => host.logged('seen').length === 1);
  expect(await host.stop()).toBe(0);
});

test.each([
  ['a shorter age', { max_age: nanos(3_600_000) }, 'maxAge 1h → 7d'],
  ['other subjects', { subjects: ['video.watch_started'] }, 'subjects video.watch_started → video.>'],
  ['work-queue retention', { retention: RetentionPolicy.Workqueue }, 'retention workqueue → limits'],
  ['interest retention', { retention: RetentionPolicy.Interest }, 'retention interest → limits'],
])('an unmarked stream with %s is refused and not changed', async (_, differing, change) => {
  await jsm.streams.add({ ...SUITABLE, ...differing });
  const before = await content('EVENTS');
  const refusal = await start().catch((error: unknown) => error as { code: string; message: string; hint: string });
  expect(refusal).toMatchObject({
    code: 'JP_STREAM_FOREIGN',
    message: expect.stringContaining(`would change ${change}`),
  });
  // Adopting it would only lead to another refusal.
  expect((refusal as { hint: string }).hint.includes('adopt')).toBe(!('retention' in differing));
  expect(await content('EVENTS')).toEqual(before);
});

test('a mirror with the name of a stream is refused as a mirror', async () => {
  await jsm.streams.add({ name: 'ORIGIN', subjects: ['video.>'] });
  await jsm.streams.add({ name: 'EVENTS', mirror: { name: 'ORIGIN' } });
  await expect(start()).rejects.toMatchObject({
    code: 'JP_STREAM_FOREIGN',
    message: expect.stringContaining('it is a mirror of ORIGIN'),
    hint: expect.not.stringContaining('adopt'),
  });
});

test.each([
  ['as this deployment’s own', { metadata: { 'jetplug.deployment': 'jetplug' } }, {}],
  ['with manage: false', {}, { manage: false }],
])('a mirror is refused by its own code %s, and the hint works', async (_, mark, manage) => {
  await jsm.streams.add({ name: 'ORIGIN', subjects: ['video.>'] });
  await jsm.streams.add({ name: 'EVENTS', mirror: { name: 'ORIGIN' }, ...mark });
  const cwd = scene.folder({ 'c.json': JSON.stringify({ streams: [{ ...VIDEO, ...manage }] }) });
  const plugins = scene.folder();
  const args = ['--servers', server.url, '--http', 'off', '--plugins', plugins, '--config', 'c.json'];
  expect((await jetplug(['start', '--json', ...args], { cwd })).errors()).toEqual([
    {
      code: 'JP_STREAM_MIRROR',
      message: 'stream EVENTS is a mirror of ORIGIN: nothing can be published to it',
      hint: expect.stringMatching(/^Name the mirrored stream/),
    },
  ]);
  const [state] = await start({ streams: [{ ...VIDEO, name: 'ORIGIN', manage: false }] });
  expect(state).toMatchObject({ name: 'ORIGIN', change: 'unmanaged' });
});

describe('manage: false', () => {
  const unmanaged = (): Promise<StreamState[]> => start({ streams: [{ ...VIDEO, manage: false }] });

  test('uses a stream with any settings, with its own duplicate window', async () => {
    await jsm.streams.add({ ...VIDEO, max_msgs: 5, duplicate_window: nanos(1_000) });
    const before = await content('EVENTS');
    const [state] = await unmanaged();
    expect(state).toMatchObject({ change: 'unmanaged', duplicateWindowMs: 1_000 });
    expect(await content('EVENTS')).toEqual(before);
  });

  test('refuses a missing stream, and creates nothing', async () => {
    await expect(unmanaged()).rejects.toMatchObject({ code: 'JP_STREAM_MISSING' });
    expect(await names()).toEqual([]);
  });

  test('refuses a stream that does not hold the subjects', async () => {
    await jsm.streams.add({ name: 'EVENTS', subjects: ['video.watch_started', 'shop.>'] });
    await expect(unmanaged()).rejects.toMatchObject({
      code: 'JP_STREAM_UNCOVERED',
      message: expect.stringContaining('does not hold video.>: it holds video.watch_started shop.>'),
    });
    expect(await names()).toEqual(['EVENTS']);
  });
});

describe('another deployment', () => {
  test('is refused each of the streams and buckets of the first, which are not changed', async () => {
    await start({ deploy: { name: 'staging' } });
    const all = ['DEAD', 'EVENTS', 'KV_jetplug', 'RETRY'];
    const before = await Promise.all(all.map(content));
    const refusal = (await start({ deploy: { name: 'production' } }).catch(
      (error: unknown) => error,
    )) as AggregateError;
    expect(refusal.errors.map(({ code }: { code: string }) => code)).toEqual([
      'JP_STREAM_FOREIGN',
      'JP_STREAM_FOREIGN',
      'JP_STREAM_FOREIGN',
      'JP_BUCKET_FOREIGN',
    ]);
    for (const { message, hint } of refusal.errors as { message: string; hint: string }[]) {
      expect(message).toContain('is marked by the deployment staging');
      expect(hint).toContain('set deploy.name to staging, if the hosts are one deployment');
    }
    expect(await Promise.all(all.map(content))).toEqual(before);
  });

  test('may read a stream of the first that its own config does not manage', async () => {
    await start({ deploy: { name: 'staging' } });
    for (const own of ['DEAD', 'KV_jetplug', 'RETRY']) await jsm.streams.delete(own);
    const before = await content('EVENTS');
    const states = await start({ deploy: { name: 'production' }, streams: [{ ...VIDEO, manage: false }] });
    expect(states[0]).toMatchObject({ change: 'unmanaged' });
    expect(await content('EVENTS')).toEqual(before);
  });
});

test('an overlap with a stream of another name is reported with that name, and dead.> cannot be renamed', async () => {
  await jsm.streams.add({ name: 'GRAVEYARD', subjects: ['dead.*'] });
  await expect(start()).rejects.toMatchObject({
    code: 'JP_STREAM_OVERLAP',
    message: expect.stringContaining('dead.> and the stream GRAVEYARD overlap'),
    hint: expect.stringContaining('change the subjects of the other stream'),
  });
});

test('hosts that start at the same time on an empty server all get the same streams', async () => {
  const others = await Promise.all(
    Array.from({ length: 4 }, () => Connection.open({ servers: [server.url], name: 'foreign-streams' })),
  );
  try {
    const config = configOf(scene, { streams: [VIDEO] });
    const states = await Promise.all(others.map((each) => ensureStreams(each, config)));
    for (const own of states) expect(own.map(({ name }) => name)).toEqual(['EVENTS', 'DEAD']);
    expect(await names()).toEqual(['DEAD', 'EVENTS', 'KV_jetplug', 'RETRY']);
  } finally {
    await Promise.all(others.map((each) => each.close()));
  }
});

test('a stream that another application creates in place of a lost one is neither used nor changed', async () => {
  const plugins = [scene.folder({ 'seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen') })];
  const host = await scene.host({ server, plugins, config: { streams: [VIDEO], delivery: { ackWait: '1s' } } });
  const reasons = async (): Promise<string> => (await fetch(`${host.url}/readyz`)).text();
  await jsm.streams.delete('EVENTS');
  await jsm.streams.add({ name: 'EVENTS', subjects: ['shop.>'] });
  // The host checks its streams when a handler finds another one, and when it has reconnected.
  await server.kill();
  await server.restart();
  // The first check may fail because the server is still starting.
  const failures = (): string => JSON.stringify(host.logged('cannot check or restore a stream yet; retrying'));
  await eventually(() => failures().includes('JP_STREAM_FOREIGN'));
  // The test's own client has to reconnect too.
  const subjects = async (): Promise<string[]> => (await jsm.streams.info('EVENTS')).config.subjects;
  await eventually(subjects, 20_000);
  expect(await subjects()).toEqual(['shop.>']);
  await eventually(async () => (await reasons()).includes('EVENTS'));
  await jsm.streams.delete('EVENTS');
  await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
  expect((await jsm.streams.info('EVENTS')).config.subjects).toEqual(['video.>']);
  expect(await host.stop()).toBe(0);
});
