import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { ExplainedPlugin } from '../../host/ops/explain';
import type { Routes } from '../../host/ops/routes';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_CONFIG } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const TUNED = pluginSource(
  'TunedPlugin',
  `  constructor(private readonly counts: Store<number>, readonly bus: EventBus, readonly settings: Settings<object>) {}

  @Subscribe({
    from: { since: '1d' },
    retry: { attempts: 2 },
  })
  count(event: VideoWatchStarted) {}

  @Subscribe(VideoPublished, { from: { sequence: 1000 }, batch: { size: 3 }, durable: 'far-away' })
  later(events: VideoPublished[]) {}`,
  { options: `{ description: 'Shows its options', settings: z.object({ deep: z.object({ n: z.number() }) }) }` },
);
const OFF = pluginSource('OffPlugin', `  @Subscribe() handle(event: VideoWatchStarted) {}`);
const DOWN = pluginSource(
  'DownPlugin',
  `  @Subscribe() handle(event: VideoWatchStarted) { throw new Error('no ML'); }`,
);
const ORDERS = pluginSource('OrdersPlugin', `  @Subscribe('orders.>') handle(event: object) {}`);
const BROKEN = pluginSource('BrokenPlugin', `  @Subscribe() handle(event: VideoWatchStarted) { return = 1; }`);
const CONFIG = `plugins:
  defaults:
    timeout: 10s
  tuned:
    concurrency: 4
    settings:
      deep:
        n: 1
  off:
    enabled: false
delivery:
  circuit: { messages: 1, over: 1ms }
`;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string;
let config: string;
const at = (name: string): string => join(plugins, name);
const run = (...args: string[]): Promise<CliResult> =>
  jetplug([...args, '--json', '--servers', server.url], { cwd: plugins });
// The answer of the one host, asked for directly, because a command takes time to start.
const explained = async (name: string): Promise<ExplainedPlugin[]> =>
  (await nats.request('jetplug.explain', name)).json();
const routes = async (subject: string): Promise<Routes> => (await nats.request('jetplug.routes', subject)).json();

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
});
afterAll(() => scene.end());

test('with no host running `plugins NAME` and `routes` fail with JP_NO_HOST', async () => {
  for (const args of [
    ['plugins', 'tuned'],
    ['routes', 'video.watch_started'],
  ]) {
    const result = await run(...args);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_NO_HOST' })]);
  }
});

test('`plugins NAME` shows the value and the source of each option', async () => {
  const sources = {
    'tuned.plugin.ts': TUNED,
    'off.plugin.ts': OFF,
    'orders.plugin.ts': ORDERS,
    'down.plugin.ts': DOWN,
  };
  const others = { 'broken/index.plugin.ts': BROKEN, 'old.plugin.mjs': '', 'notes.txt': '' };
  plugins = scene.folder({ ...STORY_CONFIG, ...sources, ...others });
  config = join(scene.folder({ 'c.yaml': CONFIG }), 'c.yaml');
  await scene.host({
    server,
    plugins: [plugins],
    flags: ['--config', config],
    env: { JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF: '1s,90s' },
  });
  const file = at('tuned.plugin.ts');
  const code = (text: string): object => ({ from: 'decorator', file, line: lineOf(TUNED, text) });
  const said = (key: string, text: string): object => ({
    from: 'config',
    key,
    file: config,
    line: lineOf(CONFIG, text),
  });
  const unsaid = (value: unknown): object => ({ value, from: 'default' });
  const [tuned, ...more] = (await run('plugins', 'tuned')).json<ExplainedPlugin[]>();
  expect(more).toEqual([]);
  expect(tuned).toMatchObject({
    plugin: 'tuned',
    file,
    line: lineOf(TUNED, 'class TunedPlugin'),
    class: 'TunedPlugin',
    description: 'Shows its options',
    version: expect.stringMatching(/^[0-9a-f]{12}$/),
    state: 'running',
  });
  expect(tuned!.injected).toEqual([
    { index: 0, name: 'counts', type: 'Store', got: 'the bucket jetplug-tuned' },
    { index: 1, name: 'bus', type: 'EventBus', got: 'the event bus' },
    {
      index: 2,
      name: 'settings',
      type: 'Settings',
      got: 'plugins.tuned.settings of the config',
      settings: said('plugins.tuned.settings', 'n: 1'),
    },
  ]);
  const [count, later] = tuned!.handlers;
  expect(count).toMatchObject({
    handler: 'count',
    method: 'count',
    line: lineOf(TUNED, 'count(event'),
    subject: 'video.watch_started',
    stream: 'EVENTS',
    durable: 'tuned-count',
    state: 'running',
    pending: 0,
    inFlight: 0,
    handled: 0,
    circuit: 'closed',
  });
  const backoff = { key: 'plugins.defaults.retry.backoff', variable: 'JETPLUG_PLUGINS_DEFAULTS_RETRY_BACKOFF' };
  expect(count!.options).toEqual({
    from: { value: { since: '1d' }, ...code(`from: { since`) },
    concurrency: { value: 4, ...said('plugins.tuned.concurrency', 'concurrency') },
    timeout: { value: '10s', ...said('plugins.defaults.timeout', 'timeout') },
    'retry.attempts': { value: 2, ...code('attempts: 2') },
    'retry.backoff': { value: ['1s', '90s'], from: 'config', ...backoff },
    key: unsaid(null),
    batch: unsaid(null),
    rate: unsaid(null),
    durable: unsaid('tuned-count'),
  });
  expect(later!.options).toMatchObject({
    from: { value: { sequence: 1000 }, ...code('sequence') },
    batch: { value: { size: 3, wait: '1s' }, ...code('batch') },
    durable: { value: 'far-away', ...code('far-away') },
  });
});

test('a plugin that failed is shown with file, line and hint, by its name or its file', async () => {
  const file = at('broken/index.plugin.ts');
  const expected = { plugin: 'broken', file, state: 'failed', handlers: [], injected: [] };
  const error = { code: 'JP_PLUGIN_SYNTAX', file, line: lineOf(BROKEN, 'return ='), hint: expect.any(String) };
  for (const name of ['broken', 'index.plugin.ts', file])
    expect(await explained(name)).toMatchObject([{ ...expected, error }]);
  const fromHere = await run('plugins', 'broken/index.plugin.ts');
  expect(fromHere.json()).toMatchObject([{ ...expected, error }]);
  // Its decorators are known, though no stream holds its subject.
  const [orders] = await explained('orders');
  expect(orders).toMatchObject({ state: 'failed', error: { code: 'JP_HANDLER_NO_STREAM' }, class: 'OrdersPlugin' });
  expect(orders!.handlers).toEqual([expect.objectContaining({ subject: 'orders.>', state: 'failed', handled: 0 })]);
  expect(orders!.handlers[0]).not.toHaveProperty('stream');
});

test('a disabled plugin is shown with the line of the config that disables it', async () => {
  const [off] = await explained('off');
  expect(off).toMatchObject({
    state: 'stopped',
    disabledBy: { key: 'plugins.off.enabled', file: config, line: lineOf(CONFIG, 'enabled') },
    handlers: [{ state: 'stopped', durable: 'off-handle' }],
  });
});

test('a skipped file is shown with the reason', async () => {
  for (const [name, file, why] of [
    ['old', 'old.plugin.mjs', 'named as an ES module'],
    ['notes.txt', 'notes.txt', 'not named *.plugin.ts'],
  ] as const) {
    const error = { code: 'JP_PLUGIN_SKIPPED', message: expect.stringContaining(why), hint: expect.any(String) };
    expect(await explained(name)).toMatchObject([{ state: 'skipped', file: at(file), error }]);
  }
  const none = await run('plugins', 'nothing');
  expect(none.code).toBe(1);
  expect(none.errors()).toEqual([
    expect.objectContaining({ code: 'JP_NOT_FOUND', hint: expect.stringContaining('broken, down') }),
  ]);
});

test('the text output is in words, and has no colours in a pipe', async () => {
  const { stdout, code } = await jetplug(['plugins', 'tuned', '--servers', server.url], { cwd: plugins });
  expect(code).toBe(0);
  expect(stdout).toMatch(/counts: Store +the bucket jetplug-tuned/);
  expect(stdout).toMatch(/concurrency +4 +config {2}.*c\.yaml:5 {2}plugins\.tuned\.concurrency/);
  expect(stdout).toMatch(new RegExp(`retry.attempts +2 +decorator {2}tuned.plugin.ts:${lineOf(TUNED, 'attempts: 2')}`));
  expect(stdout).not.toContain('\u001b');
});

test('`routes` shows who would receive an event, and why each other handler would not', async () => {
  const { receives, others, ...about } = (await run('routes', 'video.watch_started')).json<Routes>();
  expect(about).toEqual({ subject: 'video.watch_started', stream: 'EVENTS' });
  const route = { subject: 'video.watch_started', stream: 'EVENTS' };
  expect(receives).toEqual([
    { plugin: 'down', handler: 'handle', ...route, durable: 'down-handle' },
    { plugin: 'tuned', handler: 'count', ...route, durable: 'tuned-count' },
  ]);
  const byPlugin = Object.fromEntries(others.map((other) => [`${other.plugin} ${other.handler ?? ''}`.trim(), other]));
  expect(byPlugin).toEqual({
    broken: expect.objectContaining({ reason: 'failed', waits: false, line: lineOf(BROKEN, 'return =') }),
    'off handle': expect.objectContaining({ reason: 'disabled', file: config, line: lineOf(CONFIG, 'enabled') }),
    'orders handle': expect.objectContaining({ reason: 'subject', why: 'it takes orders.>' }),
    'tuned later': expect.objectContaining({ reason: 'subject', why: 'it takes video.published' }),
    old: expect.objectContaining({ reason: 'skipped', file: at('old.plugin.mjs') }),
  });
});

test('a handler whose durable starts at a later sequence does not receive the event', async () => {
  const { receives, others } = await routes('video.published');
  expect(receives).toEqual([]);
  expect(others.find(({ durable }) => durable === 'far-away')).toMatchObject({ reason: 'starts-later', waits: false });
});

test('a handler whose circuit is open, or whose file is broken now, receives the event later', async () => {
  nats.publish('video.watch_started', '{"user_id":"u1","video_id":"v1"}');
  const other = async (name: string) =>
    (await routes('video.watch_started')).others.find(({ plugin }) => plugin === name);
  await eventually(async () => (await other('down')) !== undefined);
  expect(await other('down')).toMatchObject({ reason: 'waiting', waits: true, why: expect.stringContaining('no ML') });
  // Its durable stays on the server when the plugin is removed, and keeps the events.
  renameSync(at('tuned.plugin.ts'), at('gone'));
  await eventually(async () => (await explained('tuned')).length === 0);
  writeFileSync(
    at('tuned.plugin.ts'),
    TUNED.replace('Settings<object>) {}', `Settings<object>) { throw Error('no'); }`),
  );
  await eventually(async () => (await explained('tuned'))[0]?.state === 'failed');
  expect(await other('tuned')).toMatchObject({ reason: 'failed', waits: true, file: at('tuned.plugin.ts') });
});

test('an event on a subject without a stream reaches nobody, and the advice names the config key', async () => {
  const { receives, others, stream, advice } = await routes('orders.new');
  expect({ receives, stream }).toEqual({ receives: [], stream: undefined });
  expect(advice).toMatch(
    /^add orders\.> to the subjects of a stream in the config \(.*:1\); the streams are EVENTS \(video\.>/,
  );
  expect(others.find(({ plugin }) => plugin === 'orders')).toMatchObject({ reason: 'no-stream' });
  expect(await routes('dead.x.y')).toMatchObject({ advice: expect.stringContaining('stream DEAD on the server') });
});

test('`routes` names the subject or the plugin that was probably meant', async () => {
  const asked = async (subject: string): Promise<object> => (await run('routes', subject)).json();
  expect(await asked('vidoe.published')).toMatchObject({ receives: [], meant: 'video.published' });
  expect(await asked('orders')).toMatchObject({ receives: [], meantPlugin: 'orders' });
  expect(await asked('video.published')).not.toHaveProperty('meant');
  const shown = await jetplug(['routes', 'vidoe.published', '--servers', server.url]);
  expect(shown.stdout).toContain('no handler subscribes to exactly this subject; did you mean video.published?');
  const named = await jetplug(['routes', 'orders', '--servers', server.url]);
  expect(named.stdout).toContain('did you mean the plugin orders? `jetplug plugins orders` shows what it takes');
});

test('`routes` refuses a subject with wildcards and an invalid one', async () => {
  for (const [subject, says] of [
    ['video.*', 'wildcards'],
    ['a..b', 'not a subject'],
  ] as const) {
    const result = await run('routes', subject);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.errors()).toEqual([
      expect.objectContaining({ code: 'JP_SUBJECT_INVALID', message: expect.stringContaining(says) }),
    ]);
  }
});

test('a host that does not watch reports this for a file that came after its start', async () => {
  const quiet = await scene.server();
  const folder = scene.folder({ 'off.plugin.ts': OFF });
  await scene.host({ server: quiet, plugins: [folder], flags: ['--no-watch'] });
  writeFileSync(join(folder, 'late.plugin.ts'), OFF);
  const client = await scene.client(quiet.url);
  const [late] = (await client.request('jetplug.explain', 'late')).json<ExplainedPlugin[]>();
  expect(late).toMatchObject({ state: 'skipped', error: { hint: expect.stringContaining('--no-watch') } });
});
