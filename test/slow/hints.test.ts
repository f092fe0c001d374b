/** The messages and hints of commands that fail are true, and say what to do. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jetplug, type CliResult } from '../support/cli';
import { STORY_PLUGINS } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;

beforeAll(async () => {
  server = await scene.server();
  const client = await scene.client(server.url);
  const jsm = await client.jetstreamManager();
  await jsm.streams.add({ name: 'EVENTS', subjects: ['video.>'] });
  await jsm.streams.add({
    name: 'DEAD',
    subjects: ['dead.>'],
    allow_direct: true,
    metadata: { 'jetplug.deployment': 'jetplug' },
  });
  await client.jetstream().views.kv('jetplug-badge');
});
afterAll(() => scene.end());

const run = (...args: string[]): Promise<CliResult> => jetplug([...args, '--json', '--servers', server.url]);

test.each([
  ['an unknown plugin in `store`', ['store', 'bagde'], 'did you mean badge?', /a store are badge/],
  [
    'an unknown key in `store`',
    ['store', 'badge', 'u9'],
    'the store of badge has no value for "u9"',
    /npx jetplug store badge` shows/,
  ],
  ['an unknown id in `dead show`', ['dead', 'show', '99'], 'no dead letter 99', /npx jetplug dead list/],
  ['an unknown id in `dead redrive`', ['dead', 'redrive', '99'], 'no dead letter 99', /npx jetplug dead list/],
  ['no number in `dead show`', ['dead', 'show', 'x'], 'not the number', /npx jetplug dead list/],
  ['no host for `plugins`', ['plugins'], 'no running host', /npx jetplug start/],
  ['no host for `routes`', ['routes', 'a.b'], 'no running host', /npx jetplug start/],
])('%s names what to do', async (_, args, message, hint) => {
  const result = await run(...args);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([
    expect.objectContaining({ message: expect.stringContaining(message), hint: expect.stringMatching(hint) }),
  ]);
});

test('JSON that does not parse gets no hint about fields', async () => {
  const [error] = (await run('publish', 'video.watch_started', '{user_id: 1}', '--plugins', STORY_PLUGINS)).errors();
  expect(error).toMatchObject({
    code: 'JP_EVENT_INVALID',
    hint: expect.stringContaining('single quotes for the shell'),
  });
  expect(error!.hint).not.toContain('fields');
});

test('where no server answers and none is configured, the hint is to start a host', async () => {
  const env = { JETPLUG_NATS_EMBEDDED_PORT: '1', JETPLUG_NATS_EMBEDDED_DATA: scene.folder() };
  const [error] = (await jetplug(['plugins', '--json'], { env })).errors();
  expect(error).toMatchObject({ code: 'JP_BROKER_UNREACHABLE', hint: expect.stringContaining('npx jetplug start') });
});

test('a port that speaks HTTP is named as not a NATS server', async () => {
  const http = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => http.once('listening', resolve));
  const { port } = http.address() as AddressInfo;
  const [error] = (await jetplug(['plugins', '--json', '--servers', `nats://127.0.0.1:${port}`])).errors();
  expect(error).toMatchObject({ code: 'JP_BROKER_NOT_NATS', message: expect.stringContaining('not a NATS server') });
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

test('`check` reports mistakes in a plugin’s section at their lines of the config', async () => {
  const plugin = pluginSource('SetPlugin', `  @Subscribe('video.x') handle() {}`, {
    before: 'const settings = z.object({ top: z.number().default(3), rules: z.array(z.number()).default([]) });',
    options: '{ settings }',
  });
  const yaml = (settings: string): string => `plugins:\n  dirs: [plugins]\n  set:\n    settings:\n${settings}`;
  for (const [settings, line, message] of [
    ['      tpo: 4\n', 'tpo', 'plugins.set.settings.tpo: there is no such setting'],
    ['      top: x\n', 'top: x', 'plugins.set.settings.top: '],
    ['      rules:\n        - 1\n        - no\n', '- no', 'plugins.set.settings.rules[1]: '],
    ['      top: 1\n  ste:\n    concurrency: 2\n', 'ste:', 'plugins.ste: there is no such plugin; did you mean set?'],
  ] as const) {
    const text = `${yaml(settings)}streams: [{ name: EVENTS, subjects: [video.>] }]\n`;
    const cwd = scene.folder({ 'plugins/set.plugin.ts': plugin, 'config/default.yaml': text });
    const result = await jetplug(['check', '--json'], { cwd });
    expect(result.json()).toEqual([
      expect.objectContaining({
        message: expect.stringContaining(message),
        file: join(cwd, 'config/default.yaml'),
        line: lineOf(text, line),
      }),
    ]);
  }
});

test('the text output shows the causes of an error below it', async () => {
  const cwd = scene.folder({
    'plugins/bad.plugin.ts': `throw new Error('no config', { cause: new Error('ENOENT: /etc/ml.json') });`,
  });
  const { stdout } = await jetplug(['check'], { cwd });
  expect(stdout).toMatch(
    /no config.*JP_PLUGIN_LOAD_FAILED\n {2}at plugins.bad.plugin.ts:1\n {2}caused by: .*ENOENT: .etc.ml.json/,
  );
  expect(stdout).not.toContain('below');
});
