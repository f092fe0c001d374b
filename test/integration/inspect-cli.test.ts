import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { PluginStatus } from '../../host/ops/status';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';

const KEEPS = pluginSource(
  'KeepsPlugin',
  `  private readonly other: Store<number>;
  constructor(private readonly values: Store<unknown>) { this.other = values.scope('other-things'); }
  @Subscribe('video.keep')
  async handle(event: any) {
    await this.values.update(event.key, () => event.value);
    await this.other.update(event.key, (n = 0) => n + 1);
  }`,
);
const KEYS = [
  'plain',
  'with space',
  'dots.in.it',
  '.',
  '..',
  'a*b>c',
  'Ünï ☃',
  '=41',
  'other-things=.x',
  '__proto__',
  'a/b',
  'x'.repeat(512),
];

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let hosts: TestHost[];
const run = (...args: string[]): ReturnType<typeof jetplug> => jetplug([...args, '--json', '--servers', server.url]);

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
});
afterAll(() => scene.end());

test('with no host running `plugins` fails with JP_NO_HOST', async () => {
  const result = await run('plugins');
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_NO_HOST' })]);
});

test('`plugins` sums the answers of several hosts', async () => {
  const plugins = [STORY_PLUGINS, scene.folder({ 'keeps.plugin.ts': KEEPS })];
  hosts = await Promise.all([1, 2].map(() => scene.host({ server, plugins })));
  for (let i = 0; i < 60; i++) nats.publish('video.watch_started', `{"user_id":"u${i % 3}","video_id":"v1"}`);
  await eventually(async () => {
    const [one, other] = await Promise.all(hosts.map(handled));
    expect(Object.fromEntries(Object.entries(one!).map(([name, n]) => [name, n + other![name]!]))).toMatchObject(
      each(60),
    );
    return true;
  });
  const all = (await run('plugins')).json<PluginStatus[]>();
  expect(all.map(({ plugin }) => plugin)).toEqual([
    'analytics',
    'badge',
    'keeps',
    'notification',
    'ranking',
    'recommendation',
    'user-preferences',
  ]);
  expect(all[1]).toEqual({
    plugin: 'badge',
    file: join(STORY_PLUGINS, 'badge.plugin.ts'),
    reloads: [expect.objectContaining({ outcome: 'loaded' })],
    faults: { lateErrors: 0, blocks: 0 },
    version: expect.stringMatching(/^[0-9a-f]{12}$/),
    state: 'running',
    handlers: [
      {
        handler: 'award',
        subject: 'video.watch_started',
        stream: 'EVENTS',
        durable: 'badge-award',
        state: 'running',
        activeOn: [expect.stringMatching(/:\d+$/), expect.stringMatching(/:\d+$/)],
        pending: 0,
        inFlight: 0,
        handled: 60,
        failed: 0,
        retried: 0,
        deadLettered: 0,
        // Both hosts change the same keys.
        conflicts: expect.any(Number),
        circuit: 'closed',
        lagMs: 0,
        runTimes: expect.objectContaining({ boundsS: expect.any(Array), counts: expect.any(Array) }),
      },
    ],
  });
});

test('`plugins` with a name shows that plugin; an unknown name is an error', async () => {
  expect((await run('plugins', 'badge')).json()).toEqual([expect.objectContaining({ plugin: 'badge' })]);
  const none = await run('plugins', 'bagde');
  expect(none.code).toBe(1);
  expect(none.errors()).toEqual([
    expect.objectContaining({ code: 'JP_NOT_FOUND', message: expect.stringContaining('badge') }),
  ]);
});

test('`store` shows the values of a plugin under any keys', async () => {
  for (const key of KEYS) nats.publish('video.keep', JSON.stringify({ key, value: { of: key } }));
  await eventually(async () => {
    const counts = await Promise.all(hosts.map(handled));
    return counts.reduce((sum, count) => sum + count['keeps.handle']!, 0) === KEYS.length;
  });
  const all = (await run('store', 'keeps')).json<{ key: string; scope?: string; value: unknown }[]>();
  const own = all.filter(({ scope }) => scope === undefined);
  expect(new Map(own.map(({ key, value }) => [key, value]))).toEqual(new Map(KEYS.map((key) => [key, { of: key }])));
  const scoped = all.filter(({ scope }) => scope !== undefined);
  expect(new Set(scoped.map(({ scope, key, value }) => `${scope} ${key} ${String(value)}`))).toEqual(
    new Set(KEYS.map((key) => `other-things ${key} 1`)),
  );
});

test('`store` shows values as they are stored, also those of another program', async () => {
  const kv = await nats.jetstream().views.kv('jetplug-foreign');
  await kv.put('exact', ' {"id": 1497549923779084388, "e":1e400}');
  await kv.put('text', 'not JSON');
  const { stdout } = await run('store', 'foreign');
  expect(stdout).toBe(
    '[{"key":"exact","value":{"id":1497549923779084388,"e":1e400}},{"key":"text","text":"not JSON"}]\n',
  );
  const shown = await jetplug(['store', 'foreign', '--servers', server.url]);
  expect(shown.stdout).toBe('exact  {"id":1497549923779084388,"e":1e400}\ntext   "not JSON"\n');
});

test('`store` with a key, and with a scope, shows one value; a missing key is an error', async () => {
  expect((await run('store', 'keeps', 'Ünï ☃')).json()).toEqual([{ key: 'Ünï ☃', value: { of: 'Ünï ☃' } }]);
  expect((await run('store', 'keeps', 'plain', '--scope', 'other-things')).json()).toEqual([
    { key: 'plain', scope: 'other-things', value: 1 },
  ]);
  for (const args of [['keeps', 'nothing here'], ['nobody'], ['no body']]) {
    const none = await run('store', ...args);
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.errors()).toEqual([expect.objectContaining({ code: 'JP_NOT_FOUND' })]);
  }
});

test('the host is a NATS micro service with its name', async () => {
  const info = (await nats.request('$SRV.INFO.jetplug', '')).json<{ name: string; endpoints: { subject: string }[] }>();
  expect(info).toMatchObject({ name: 'jetplug', endpoints: expect.any(Array) });
  const subjects = info.endpoints.map(({ subject }) => subject).sort();
  expect(subjects).toEqual([
    'jetplug.explain',
    'jetplug.fate',
    'jetplug.plugins',
    'jetplug.routes',
    'jetplug.status',
    'jetplug.tail',
    'jetplug.unhandled',
  ]);
});

test('`check` of sound plugins prints no problem; of a config with a typing error, its file and line', async () => {
  const sound = await jetplug(['check', '--json', '--plugins', STORY_PLUGINS]);
  expect(sound).toMatchObject({ code: 0, stderr: '' });
  expect(sound.json()).toEqual([]);
  const config = join(scene.folder({ 'c.yaml': 'delivery:\n  ackWeit: 1s\n' }), 'c.yaml');
  const slip = await jetplug(['check', '--json', '--plugins', STORY_PLUGINS, '--config', config]);
  expect(slip.code).toBe(1);
  expect(slip.json()).toEqual([
    expect.objectContaining({
      code: 'JP_CONFIG_UNKNOWN_KEY',
      file: config,
      line: 2,
      message: expect.stringContaining('ackWait'),
    }),
  ]);
});

test('--help and --version exit with 0, an unknown command or flag with 1', async () => {
  const [help, version, command, flag] = await Promise.all([
    jetplug(['--help']),
    jetplug(['--version']),
    jetplug(['nonsense']),
    jetplug(['store', 'x', '--nonsense']),
  ]);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: jetplug') });
  expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect(command).toMatchObject({ code: 1, stdout: '' });
  expect(flag).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--nonsense') });
});
