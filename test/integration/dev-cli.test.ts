/** `jetplug dev`, on a terminal and off it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { eventually } from '../support/eventually';
import { MAIN, plainEnv, STORY_CONFIG } from '../support/host';
import { isAlive } from '../support/is-alive';
import { natsServerBinary } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { onTerminal } from '../support/terminal';

const BILLS = pluginSource(
  'BillsPlugin',
  `  constructor(private readonly events: EventBus) {}
  @Subscribe('video.ordered', { retry: { attempts: 1 } })
  async send({ user, n }: any) {
    if (n === 13) throw new Error('no paper');
    await this.events.publish('badge.billed', { user });
  }`,
);
const ARGS = ['--nats-port', '0', '--data', 'data', '--http', '127.0.0.1:0', '--plugins', 'plugins'];
const OPENER = '#!/bin/sh\necho "$1" > opened\n';

/** Stands in for the TypeScript compiler, which takes seconds to start: one check with an error, then one without. */
const COMPILER = `
require('node:fs').writeFileSync('compiler', String(process.pid));
console.log("plugins/bills.plugin.ts(3,7): error TS2322: It is wrong.");
console.log('12:00:00 AM - Found 1 error. Watching for file changes.');
console.log('12:00:01 AM - Found 0 errors. Watching for file changes.');
setInterval(() => undefined, 1_000);
`;

const scene = new Scene();
const children: ChildProcess[] = [];
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  env = { JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() };
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await scene.end();
});

test('on a terminal it shows events, and each key does its work', async () => {
  const folder = scene.folder({
    ...STORY_CONFIG,
    'plugins/bills.plugin.ts': BILLS,
    'bin/open': OPENER,
    'bin/xdg-open': OPENER,
  });
  for (const name of ['open', 'xdg-open']) chmodSync(join(folder, 'bin', name), 0o755);
  const path = [join(folder, 'bin'), process.env['PATH']].join(delimiter);
  const terminal = onTerminal(['dev', ...ARGS], folder, { ...env, PATH: path });
  const shows = (text: string | RegExp) => eventually(() => terminal.screen().search(text) >= 0 || undefined, 20_000);
  await shows('types are not checked why="?no tsconfig.json above the plugins folder');
  await shows(/^r publish the newest event again .* q end$/m);
  const [url] = /nats:\/\/127.0.0.1:\d+(?= {2}embedded)/.exec(terminal.screen())!;
  const client = await scene.client(url);
  client.publish('video.ordered', '{"user":"u1"}');
  await shows(/^video\.ordered u1 → bills ✔ [\d.]+ m?s \(badge\.billed\)$/m);
  // The newest event is another application's, and the one before it a handler's.
  const jsm = await client.jetstreamManager();
  await jsm.streams.add({ name: 'FOREIGN', subjects: ['foreign.>'], allow_direct: true });
  await client.jetstream().publish('foreign.made', '{}');
  terminal.type('r');
  await shows(/^↻ video\.ordered [\w-]+$/m);
  await eventually(() => terminal.screen().match(/^video\.ordered u1 → bills ✔/gm)?.length === 2);
  terminal.type('p');
  await shows('all plugins are paused; p resumes');
  terminal.type('p');
  await shows('all plugins are resumed');
  client.publish('video.ordered', '{"user":"u2","n":13}');
  await shows(/^video\.ordered u2 → bills ✖ dead letter \(attempts-exhausted\): no paper$/m);
  terminal.type('d');
  await shows(/bills\.send +attempts-exhausted +1 +video\.ordered/);
  terminal.type('o');
  await shows(/the page is at http:\/\/127\.0\.0\.1:\d+/);
  await eventually(() => /^http:\/\/127\.0\.0\.1:\d+/.test(readFileSync(join(folder, 'opened'), 'utf8')));
  terminal.type('p');
  await eventually(() => terminal.screen().match(/all plugins are paused/g)?.length === 2);
  await client.close();
  terminal.type('q');
  expect(await terminal.ended).toBe(0);
  // The pause ends with the command.
  expect(terminal.screen()).toMatch(/all plugins are resumed\n[^]*INFO {2}stopped\n/);
  expect(existsSync(join(folder, 'data', 'lock'))).toBe(false);
});

test('Ctrl-C ends it gracefully', async () => {
  const folder = scene.folder({ ...STORY_CONFIG, 'plugins/bills.plugin.ts': BILLS });
  const terminal = onTerminal(['dev', ...ARGS], folder, env);
  await eventually(() => terminal.screen().includes('q end'), 20_000);
  terminal.interrupt();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen()).toMatch(/INFO {2}stopped\n/);
});

test('off a terminal it prints plain lines, with type errors, and ends the compiler', async () => {
  const folder = scene.folder({
    ...STORY_CONFIG,
    'plugins/bills.plugin.ts': BILLS,
    'tsconfig.json': '{}',
    'node_modules/typescript/package.json': '{"bin":{"tsc":"tsc.js"}}',
    'node_modules/typescript/tsc.js': COMPILER,
  });
  const dev = run(['dev', ...ARGS], folder);
  await eventually(() => dev.output().includes('the type errors are corrected'), 20_000);
  expect(dev.output()).toContain('1 of 1 plugins running');
  expect(dev.output()).toMatch(/^[\d:]+ WARN {2}type error: It is wrong\. at plugins\/bills\.plugin\.ts:3 TS2322$/m);
  const url = /nats:\/\/127.0.0.1:\d+(?= {2}embedded)/.exec(dev.output())![0];
  const client = await scene.client(url);
  await eventually(async () => {
    client.publish('video.ordered', '{"user":"u1"}');
    await client.flush();
    return /^video\.ordered u1 → bills ✔/m.test(dev.output());
  });
  await client.close();
  expect(await dev.end()).toBe(0);
  expect(dev.output()).not.toContain('\u001b');
  expect(dev.output()).not.toContain('q end');
  const compiler = Number(readFileSync(join(folder, 'compiler'), 'utf8'));
  await eventually(() => !isAlive(compiler));
});

test('with --json each line is an object, also a run', async () => {
  const folder = scene.folder({ ...STORY_CONFIG, 'plugins/bills.plugin.ts': BILLS });
  const dev = run(['dev', ...ARGS, '--json'], folder);
  const lines = () =>
    dev
      .output()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ready = await eventually(() => lines().find(({ msg }) => msg === 'ready'), 20_000);
  const client = await scene.client((ready['broker'] as { url: string }).url);
  const handled = await eventually(async () => {
    client.publish('video.ordered', '{"user":"u1"}');
    await client.flush();
    return lines().find(({ msg }) => msg === 'run');
  });
  expect(handled).toMatchObject({ plugin: 'bills', subject: 'video.ordered', outcome: 'handled', about: 'u1' });
  await client.close();
  expect(await dev.end()).toBe(0);
  expect(lines().at(-1)).toMatchObject({ msg: 'stopped' });
});

/** Runs a command without a terminal. `end` sends SIGTERM, and resolves with the exit code. */
function run(args: readonly string[], folder: string) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { output: () => output, end: () => (child.kill('SIGTERM'), closed) };
}
