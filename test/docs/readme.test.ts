/**
 * Runs the README as it is written: a shell runs every `sh` block in order, in a copy of the working tree, and the
 * `ts` block becomes the file that the next block copies. Three commands are not run: `npm ci`, which the CI runs in a
 * clean clone (this test compares the lock file with package.json), `npm test`, which this test is a part of, and the
 * demo, which has its own test. Variables choose ports that differ from the reader's.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/eventually';
import { plainEnv, type LogLine, type ReadyLine } from '../support/host';
import { blocksOf, ROOT, type Block } from '../support/markdown';
import { natsCliFolder } from '../support/nats-cli';
import { natsServerBinary } from '../support/nats-server';
import { Scene } from '../support/scene';
import { each, handled } from '../support/story';
import { copyWorkingTree } from '../support/working-tree';

/** The output that the README promises for a command. */
const PRINTED: readonly [command: string, output: RegExp][] = [
  ['nats kv get jetplug-badge u1 --raw', /^1$/m],
  ['npx jetplug store badge u1', /^u1 +2$/m],
  ['npx jetplug plugins\n', /^badge +running +video\.watch_started → badge-award +0 +0 +2 +0 +0$/m],
  ['npx jetplug store greeter', /^u1 +"EVENTS:1"$/m],
  ['npx jetplug plugins greeter', /^ +from +beginning +decorator +plugins\/greeter\.plugin\.ts:\d+$/m],
  ['npx jetplug plugins greeter', / 3 handled,/],
  ['npx jetplug routes video.watch_started', /^ +greeter\.greet +→ greeter-greet +takes video\.watch_started$/m],
  ['npx jetplug check', /the config and 7 plugins are sound: .*\bgreeter\b/],
];

const STEPS = blocksOf('README.md').filter(({ language }) => language === 'sh' || language === 'ts');
const READY_MS = 120_000;
const STEP_MS = 60_000;

const scene = new Scene();
const log: LogLine[] = [];
let folder: string;
let env: NodeJS.ProcessEnv;
let host: ChildProcess | undefined;
let published = 0;

beforeAll(async () => {
  folder = join(scene.folder(), 'jetplug');
  copyProject();
  env = await readersEnv(dirname(folder));
}, 300_000);

afterAll(async () => {
  await stopHost();
  await scene.end();
}, STEP_MS);

test('package.json and package-lock.json agree, as npm ci demands', () => {
  const lock = readJson('package-lock.json') as { packages: Record<string, Manifest> };
  const { name, version, dependencies, devDependencies, engines, bin } = readJson('package.json') as Manifest;
  expect(lock.packages['']).toMatchObject({ name, version, dependencies, devDependencies, engines, bin });
});

test('the README shows each command whose output is checked', () => {
  const shown = STEPS.map(({ text }) => text).join('');
  expect(PRINTED.filter(([command]) => !shown.includes(command))).toEqual([]);
});

describe('step by step', () => {
  test.each(STEPS.map((step) => [nameOf(step), step] as const))('%s', async (_name, step) => take(step), READY_MS);
});

test('Ctrl-C stops the host', async () => {
  await stopHost();
  expect(logged('stopped')).toHaveLength(1);
});

async function take({ language, text }: Block): Promise<void> {
  if (language === 'ts') return writeFileSync(join(folder, fileNameIn(text)), text);
  if (text === 'npm ci && npm test\n') return expect(readJson('package.json')).toHaveProperty('scripts.test');
  if (text === 'npx jetplug demo\n') return expect(existsSync(join(ROOT, 'test/slow/demo.test.ts'))).toBe(true);
  if (text === 'npm ci && npm start\n') return startHost('npm start');
  const printed = await shell(text);
  for (const [command, output] of PRINTED) if (text.includes(command)) expect(printed).toMatch(output);
  await seeWhatItDid(text);
}

/** Waits for the effects of a block before the next one, because a reader is slower than the host. */
async function seeWhatItDid(text: string): Promise<void> {
  const [ready] = logged('ready') as ReadyLine[];
  published += text.match(/(?:nats pub|jetplug publish) video\.watch_started/g)?.length ?? 0;
  await eventually(
    async () => expect(await handled({ url: ready!.http })).toMatchObject(each(published)) === undefined,
  );
  if (text.startsWith('cp ')) await eventually(() => logged('Welcome, u1!').length > 0);
  if (!text.startsWith('rm ')) return;
  // User u1 has two events, which were both handled.
  expect(logged('Welcome, u1!')).toHaveLength(1);
  await eventually(() => logged('a plugin is removed').length > 0);
  const jsm = await (await scene.client(ready!.broker.url)).jetstreamManager();
  expect((await jsm.consumers.info('EVENTS', 'greeter-greet')).num_pending).toBe(0);
}

/** Runs the text in a shell, and fails with the shell's exit code. */
async function shell(text: string): Promise<string> {
  const child = spawn('bash', ['-e', '-c', text], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [printed, complaints] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${text}${printed}${complaints}`);
  return printed;
}

/** Starts the command in a process group of its own, as in a terminal, so that Ctrl-C reaches all of its processes. */
async function startHost(command: string): Promise<void> {
  const child = spawn('bash', ['-c', command], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  host = child;
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
  });
  await eventually(() => logged('ready').length > 0 || child.exitCode !== null, READY_MS);
  if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${complaints}`);
  const [ready] = logged('ready') as ReadyLine[];
  expect(ready!.broker.kind).toBe('embedded');
  expect(ready!.plugins.map(({ state }) => state)).toEqual(Array(6).fill('running'));
}

async function stopHost(): Promise<void> {
  const child = host;
  host = undefined;
  if (child?.exitCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid!, 'SIGINT');
  await closed;
}

function logged(msg: string): LogLine[] {
  return log.filter((line) => line.msg === msg);
}

type Manifest = Readonly<Record<string, unknown>>;

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}

/** The file name in the block's first line, such as `// greeter.plugin.ts`. */
function fileNameIn(text: string): string {
  return /^\/\/ (\S+)\n/.exec(text)![1]!;
}

function nameOf({ text, language }: Block): string {
  return language === 'ts' ? fileNameIn(text) : text.trim().split('\n').join('; ');
}

/** Copies the sources. Packages are linked, and the build of the tests' set-up is copied. */
function copyProject(): void {
  copyWorkingTree(folder);
  // One folder up, where Node searches too: in the folder itself npx would read the package.json of each package.
  symlinkSync(join(ROOT, 'node_modules'), join(dirname(folder), 'node_modules'));
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
  // The stamp must not be older than the copied sources, or they would count as changed.
  const stamp = join(folder, 'dist', '.built');
  if (existsSync(stamp)) utimesSync(stamp, new Date(), new Date());
}

async function readersEnv(home: string): Promise<NodeJS.ProcessEnv> {
  const port = await freePort();
  return {
    ...plainEnv(),
    PATH: [natsCliFolder(home), process.env['PATH']].join(delimiter),
    NATS_URL: `nats://127.0.0.1:${port}`,
    JETPLUG_NATS_EMBEDDED_PORT: String(port),
    JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary(),
    JETPLUG_HTTP_LISTEN: '127.0.0.1:0',
    // Folders for the user's files of npx and of the nats command line.
    npm_config_cache: join(home, 'npm'),
    npm_config_update_notifier: 'false',
    XDG_CONFIG_HOME: join(home, 'config'),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
