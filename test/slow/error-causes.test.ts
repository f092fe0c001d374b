/** Errors with an external cause. Each test causes the fault for real, and checks the error as a user sees it. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv, type LogLine, type TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

const QUIET = pluginSource('QuietPlugin', `  @Subscribe('video.x') handle(_: any) {}`);
const BUSY = 'const end = Date.now() + 2_000; while (Date.now() < end);';

/** The environment of a process that loads this script before Jetplug, as a monitoring agent is loaded. */
const agent = (script: string): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `--require ${join(scene.folder({ 'agent.cjs': script }), 'agent.cjs')}`,
});

async function hostWith(agentScript: string, plugins: Record<string, string> = { 'quiet.plugin.ts': QUIET }) {
  return scene.host({ plugins: [scene.folder(plugins)], env: agent(agentScript) });
}

async function firstLogged(host: TestHost, msg: string): Promise<LogLine> {
  await eventually(() => host.logged(msg).length > 0);
  return host.logged(msg)[0]!;
}

test('JP_UNCAUGHT_ERROR: a timer of a script that is no plugin throws; the host keeps running', async () => {
  const host = await hostWith(`setTimeout(() => { throw new RangeError('from an agent'); }, 100);`);
  expect(await firstLogged(host, 'an error was thrown and nobody caught it')).toMatchObject({
    level: 'error',
    code: 'JP_UNCAUGHT_ERROR',
    error: 'RangeError: from an agent',
    file: expect.stringMatching(/agent\.cjs$/),
    line: 1,
    // The stack that the hint mentions.
    err: { stack: expect.stringContaining('agent.cjs:1') },
    hint: expect.stringMatching(/^The location, or the stack .*--verbose/),
  });
  expect(await host.stop()).toBe(0);
});

test('JP_LOOP_BLOCKED: a signal handler of a script that is no plugin keeps the event loop busy', async () => {
  const host = await hostWith(`process.on('SIGUSR2', () => { ${BUSY} });`);
  process.kill(host.pid, 'SIGUSR2');
  expect(await firstLogged(host, 'the event loop is blocked')).toMatchObject({
    level: 'error',
    code: 'JP_LOOP_BLOCKED',
    error: expect.stringMatching(/^the event loop has been busy for \d+ ms$/),
    file: expect.stringMatching(/agent\.cjs$/),
    stack: expect.stringContaining('agent.cjs:1'),
    hint: expect.stringMatching(/^The location, or the stack .*--verbose/),
  });
  expect(await host.stop()).toBe(0);
});

test('a plugin whose module blocks the event loop while it is loaded is named, and not “something”', async () => {
  const host = await hostWith('', {
    'busy.plugin.ts': pluginSource('BusyPlugin', `  @Subscribe('video.x') handle(_: any) {}`, { before: BUSY }),
  });
  expect(await firstLogged(host, 'the event loop is blocked')).toMatchObject({
    code: 'JP_PLUGIN_BLOCKS',
    plugin: 'busy',
    file: expect.stringMatching(/busy\.plugin\.ts$/),
  });
  expect(await host.stop()).toBe(0);
});

test('JP_INTERNAL: a function of Node fails that never should; its stack is shown', async () => {
  const env = agent(`const crypto = require('node:crypto'), { randomUUID } = crypto;
crypto.randomUUID = () => { if (new Error().stack.includes('event-text')) throw new TypeError('no entropy'); return randomUUID(); };`);
  const args = ['publish', 'video.x', '{}', '--plugins', scene.folder()];
  const shown = await jetplug(args, { env });
  expect(shown.code).toBe(1);
  const lines = shown.stderr.split('\n').slice(1); // after the note that there is no contract
  expect(lines[0]).toBe('✖ no entropy JP_INTERNAL');
  expect(lines[1]).toBe('  TypeError: no entropy');
  expect(lines[2]).toContain('agent.cjs:2');
  expect(lines).toContain('  Please report it, with its stack.');
  expect((await jetplug([...args, '--json'], { env })).errors()).toEqual([
    expect.objectContaining({
      code: 'JP_INTERNAL',
      message: 'no entropy',
      stack: expect.stringContaining('agent.cjs'),
    }),
  ]);
});

describe('JP_BROKER_OPERATION_FAILED', () => {
  test('JetStream answers with an error that this version does not know', async () => {
    // The JetStream API is another account’s, as behind a gateway: what answers there need not be this server.
    const server = await scene.server({
      accounts: {
        HOST: {
          users: [{ user: 'host', password: 'h' }],
          imports: [{ service: { account: 'OWNER', subject: 'far.api.>' } }],
        },
        OWNER: { users: [{ user: 'owner', password: 'o' }], exports: [{ service: 'far.api.>' }] },
      },
      no_auth_user: 'owner',
    });
    const owner = await scene.client(server.url);
    const error = { code: 500, err_code: 19_999, description: 'the tiering daemon is away' };
    owner.subscribe('far.api.>', {
      callback: (_, message) => void message.respond(JSON.stringify({ type: 'io.nats.jetstream.api.v1.error', error })),
    });
    await owner.flush();
    const config = { nats: { credentials: { user: 'host', password: 'h' }, apiPrefix: 'far.api' } };
    const cwd = scene.folder({ 'c.json': JSON.stringify(config), 'plugins/quiet.plugin.ts': QUIET });
    const result = await jetplug(
      ['start', '--json', '--http', 'off', '--config', 'c.json', '--servers', server.url, '--plugins', 'plugins'],
      { cwd },
    );
    expect(result.code).toBe(1);
    expect(result.errors()[0]).toMatchObject({
      code: 'JP_BROKER_OPERATION_FAILED',
      message: expect.stringMatching(/: the tiering daemon is away$/),
      hint: 'The message and its cause hold the answer of the server.',
    });
  });

  test('no running host can answer a command, because a stream that is managed elsewhere is gone', async () => {
    const server = await scene.server();
    const jsm = await (await scene.client(server.url)).jetstreamManager();
    const stream = { name: 'EVENTS', subjects: ['video.>'] };
    await jsm.streams.add(stream);
    const plugins = [scene.folder({ 'quiet.plugin.ts': QUIET })];
    await scene.host({ server, plugins, config: { streams: [{ ...stream, manage: false }] } });
    await jsm.streams.delete('EVENTS');
    const routes = () => jetplug(['routes', 'video.x', '--servers', server.url]);
    expect(await routes()).toMatchObject({
      code: 1,
      stderr:
        '✖ no host could answer: stream EVENTS: stream not found JP_BROKER_OPERATION_FAILED\n' +
        '  The message has the answers of the running hosts. Correct the cause, then ask again.\n',
    });
    await jsm.streams.add(stream);
    expect(await routes()).toMatchObject({ code: 0 });
  });
});

test('an error of the server that is not about permissions is logged in the server’s own words', async () => {
  const limits = { max_subscriptions: 12 };
  const accounts = { A: { jetstream: 'enabled', limits, users: [{ user: 'a', password: 'a' }] } };
  const server = await scene.server({ accounts, no_auth_user: 'a' });
  const host = await scene.host({ server, plugins: [scene.folder({ 'quiet.plugin.ts': QUIET })] });
  expect(await firstLogged(host, 'NATS server reported an error')).toMatchObject({
    code: 'JP_ACCOUNT_LIMIT',
    err: {
      message: 'the NATS server refused: maximum subscriptions exceeded',
      hint: expect.stringContaining('Raise max_subscriptions'),
    },
  });
});

describe('a fault of the user’s environment is not reported as an internal error', () => {
  test('`new` with a file in place of the plugins folder', async () => {
    const cwd = scene.folder({ plugins: '' });
    const result = await jetplug(['new', 'badge', '--on', 'video.x', '--json'], { cwd });
    expect(result.errors()).toMatchObject([
      {
        code: 'JP_FILE_UNWRITABLE',
        message: 'plugins is a file, not a folder',
        hint: expect.stringContaining('--plugins'),
      },
    ]);
  });

  test('`new` with a folder that cannot be created', async () => {
    // A link to itself: no folder can be made in its place, and nothing can be read there.
    const folder = join(scene.folder(), 'plugins');
    symlinkSync(folder, folder);
    const result = await jetplug(['new', 'badge', '--on', 'video.x', '--plugins', folder, '--json']);
    expect(result.errors()).toMatchObject([{ code: 'JP_FILE_UNWRITABLE' }]);
  });

  test('any command in a folder that was deleted', () => {
    const script = 'rmdir "$PWD" && exec "$0" "$1" check --json';
    const run = spawnSync('sh', ['-c', script, process.execPath, MAIN], { cwd: scene.folder(), env: plainEnv() });
    expect(JSON.parse(run.stderr.toString())).toMatchObject({
      code: 'JP_USAGE',
      message: 'the current folder does not exist any more',
    });
  });

  test('`publish --file` with a link that leads to itself', async () => {
    const file = join(scene.folder(), 'events.ndjson');
    symlinkSync(file, file);
    const result = await jetplug(['publish', 'video.x', '--file', file, '--json', '--plugins', scene.folder()]);
    expect(result.errors()).toMatchObject([{ code: 'JP_USAGE', message: expect.stringContaining('cannot read') }]);
  });
});
