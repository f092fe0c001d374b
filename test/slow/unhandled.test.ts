import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import { STORY_CONFIG, type TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const GOOD = '{"user_id":"u1","video_id":"v1"}';
const WATCHES = pluginSource('WatchesPlugin', `  @Subscribe() handle(_: VideoWatchStarted) {}`);
const OFF = pluginSource('OffPlugin', `  @Subscribe('user.>') handle() {}`);
const EVERY = pluginSource('EveryPlugin', `  @Subscribe('video.>') handle() {}`);

const scene = new Scene();
let host: TestHost;
let folder: string;

beforeAll(async () => {
  const server = await scene.server();
  folder = scene.folder({ ...STORY_CONFIG, 'watches.plugin.ts': WATCHES, 'off.plugin.ts': OFF });
  const config = { plugins: { off: { enabled: false } } };
  host = await scene.host({ server, plugins: [folder], config });
});
afterAll(() => scene.end());

const run = (...args: string[]): Promise<CliResult> =>
  jetplug([...args, '--servers', host.servers], { cwd: folder, env: { JETPLUG_PLUGINS_DIRS: folder } });

test('`publish` prints how many handlers take the event', async () => {
  const published = await run('publish', 'video.watch_started', GOOD);
  expect(published).toMatchObject({ code: 0, stderr: '' });
  expect(published.stdout).toContain('1 handler takes it: watches.handle\n');
  const { takes, later } = (await run('publish', 'video.watch_started', GOOD, '--json')).json<
    Record<string, unknown>
  >();
  expect({ takes, later }).toEqual({ takes: ['watches.handle'], later: [] });
});

test('`publish` refuses a mistyped subject and suggests the right one', async () => {
  const refused = await run('publish', 'video.watch_startd', GOOD, '--json');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.errors()).toEqual([
    expect.objectContaining({
      code: 'JP_PUBLISH_NO_HANDLER',
      message: 'no handler takes video.watch_startd: did you mean video.watch_started?',
    }),
  ]);
  const client = await scene.client(host.servers);
  const state = (await (await client.jetstreamManager()).streams.info('EVENTS', { subjects_filter: '>' })).state;
  expect(state.subjects).not.toHaveProperty(['video.watch_startd']);
});

test('`publish` refuses a subject whose only handler is disabled, and names the place in the config', async () => {
  const [error] = (await run('publish', 'user.left', '{}', '--json')).errors();
  expect(error).toMatchObject({
    code: 'JP_PUBLISH_NO_HANDLER',
    message: expect.stringContaining('off.handle would, but plugins.off.enabled is false'),
  });
});

test('`publish --file` refuses too, and --force publishes an event that no handler takes', async () => {
  const file = `${scene.folder({ 'events.ndjson': `${GOOD}\n${GOOD}\n${GOOD}\n` })}/events.ndjson`;
  const refused = await run('publish', 'video.watch_startd', '--file', file, '--json');
  expect(refused.errors()).toEqual([expect.objectContaining({ code: 'JP_PUBLISH_NO_HANDLER' })]);
  const forced = await run('publish', 'video.watch_startd', '--file', file, '--force', '--json');
  expect(forced.json()).toMatchObject({ published: 3, takes: [] });
});

test('`plugins` and the metrics count the stored events that no handler takes', async () => {
  const client = await scene.client(host.servers);
  client.publish('badge.awarded', '{}');
  await client.flush();
  const { stdout } = await run('plugins');
  expect(stdout).toContain(
    '\n\n3 events on video.watch_startd: no handler takes them; did you mean video.watch_started?\n' +
      '1 event on badge.awarded: no handler takes it\n',
  );
  // The subject of a disabled plugin is not among them.
  expect(stdout).not.toContain('user.');
  const listed = (await run('plugins', '--unhandled', '--json')).json();
  expect(listed).toEqual({
    subjects: [
      { stream: 'EVENTS', subject: 'video.watch_startd', events: 3 },
      { stream: 'EVENTS', subject: 'badge.awarded', events: 1 },
    ],
    more: 0,
    notCompared: [],
  });
  const metrics = await (await fetch(`${host.url}/metrics`)).text();
  expect(metrics).toContain('jetplug_unhandled_events{stream="EVENTS"} 4');
  // The JSON list of plugins does not change.
  expect(Array.isArray((await run('plugins', '--json')).json())).toBe(true);
});

test('an event that only a wildcard matches is published with a warning', async () => {
  const more = scene.folder({ 'every.plugin.ts': EVERY });
  const other = await scene.host({ server: { url: host.servers }, plugins: [more] });
  const published = await run('publish', 'video.watch_startd', GOOD);
  expect(published.code).toBe(0);
  expect(published.stdout).toMatch(/1 handler takes it: every.handle\n.*did you mean video.watch_started\?/);
  // The events that a handler of any host takes are not listed.
  await eventually(async () => !(await run('plugins')).stdout.includes('watch_startd: no handler'));
  await other.stop();
});

test('`plugins --unhandled` with the name of a plugin is refused', async () => {
  expect((await run('plugins', 'watches', '--unhandled', '--json')).errors()).toEqual([
    expect.objectContaining({ code: 'JP_USAGE' }),
  ]);
});
