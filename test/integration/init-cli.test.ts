/** `jetplug init`: the project that it writes is sound, and it leaves files that exist as they are. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../host/config/load';
import { PINNED_VERSION } from '../../host/nats-server/version';
import { jetplug } from '../support/cli';
import { composeValidator } from '../support/compose-schema';
import { eventually } from '../support/eventually';
import { ROOT } from '../support/markdown';
import { Scene } from '../support/scene';
import { onTerminal } from '../support/terminal';

interface Report {
  readonly folder: string;
  readonly written: string[];
  readonly completed: string[];
  readonly kept: string[];
  readonly installed: boolean;
  readonly next: string[];
}

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly scripts: Record<string, string>;
  readonly jest?: object;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const FILES = [
  '.dockerignore',
  '.gitignore',
  'Dockerfile',
  'config/default.yaml',
  'config/nats-server.conf',
  'docker-compose.yml',
  'package.json',
  'plugins/contracts/orders.ts',
  'plugins/customer-total.plugin.ts',
  'plugins/customer-total.test.ts',
  'tsconfig.json',
];

const scene = new Scene();
let folder: string;
let report: Report;

beforeAll(async () => {
  const cwd = scene.folder();
  folder = join(cwd, 'My Platform');
  const result = await jetplug(['init', 'My Platform', '--json'], { cwd });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  report = result.json();
});
afterAll(() => scene.end());

test('creates the folder, and reports every file that it writes', () => {
  expect(report).toMatchObject({ folder, completed: [], kept: [], installed: false });
  expect(report.written.sort()).toEqual(FILES.map((file) => join(folder, file)));
  expect(filesIn(folder)).toEqual(FILES);
  expect(report.next.slice(0, 3)).toEqual([
    'go to the project: cd My Platform',
    'install the packages: npm install',
    'run the tests: npm test',
  ]);
});

test('the package.json has scripts, the preset for Jest, and the versions that Jetplug is tested with', () => {
  const own = manifestOf(ROOT) as Manifest & { version: string };
  expect(manifestOf(folder)).toEqual({
    name: 'my-platform',
    version: '0.0.0',
    private: true,
    scripts: {
      ...(existsSync(join(ROOT, 'host/cli/dev.ts')) && { dev: 'jetplug dev' }),
      start: 'jetplug start',
      test: 'jest',
      check: 'tsc && jetplug check',
    },
    jest: { preset: 'jetplug' },
    dependencies: { jetplug: `^${own.version}`, zod: own.dependencies['zod'] },
    devDependencies: Object.fromEntries(
      ['@swc/jest', '@types/jest', '@types/node', 'jest', 'typescript'].map((name) => [
        name,
        own.devDependencies[name],
      ]),
    ),
  });
});

test('the config is accepted, and its stream holds the first event only', () => {
  const { config } = loadConfig({ cwd: folder, env: {} });
  expect(config.streams.map(({ name, subjects }) => ({ name, subjects }))).toEqual([
    { name: 'EVENTS', subjects: ['orders.>'] },
  ]);
});

// test/slow/init.test.ts compiles the plugin, and runs its test.
test('the plugin passes check', async () => {
  const checked = await jetplug(['check', '--json'], { cwd: folder });
  expect(checked).toMatchObject({ code: 0, stderr: '', stdout: '[]\n' });
});

test('docker-compose.yml fits the schema, runs the pinned broker, and mounts files that are written', () => {
  const compose = parse(readFileSync(join(folder, 'docker-compose.yml'), 'utf8')) as {
    services: Record<'nats' | 'jetplug', { image?: string; volumes: string[]; ports: string[] }>;
  };
  const valid = composeValidator();
  expect(valid(compose) ? [] : valid.errors).toEqual([]);
  const { nats, jetplug: host } = compose.services;
  expect(nats.image).toBe(`nats:${PINNED_VERSION}-alpine`);
  const mounts = [...nats.volumes, ...host.volumes].filter((volume) => volume.startsWith('./'));
  expect(mounts.map((mount) => mount.split(':')[0]!).filter((file) => !existsSync(join(folder, file)))).toEqual([]);
  expect([...nats.ports, ...host.ports].every((port) => port.startsWith('127.0.0.1:'))).toBe(true);
});

test('a new plugin in the project is found by the project’s own commands', async () => {
  const result = await jetplug(['new', 'big-orders', '--on', 'orders.placed', '--json'], { cwd: folder });
  expect(result.json<{ next: string[] }>().next).toEqual([
    'run the test: npm test -- plugins/big-orders.test.ts',
    'have the host run it: a running host loads it at once; else npm start',
  ]);
});

test('a second init changes nothing, and names the files that it left', async () => {
  const cwd = scene.folder();
  await jetplug(['init'], { cwd });
  const before = textsIn(cwd);
  const { code, stdout } = await jetplug(['init'], { cwd });
  expect(code).toBe(0);
  for (const file of FILES) expect(stdout).toContain(`${file}  exists, left as it is`);
  expect(textsIn(cwd)).toEqual(before);
});

test('an existing package.json keeps its values, and gets what is missing', async () => {
  const own = {
    name: 'shop',
    scripts: { start: 'node server.js', test: 'echo "Error: no test specified" && exit 1' },
    dependencies: { jetplug: 'file:../jetplug.tgz', zod: '^4.0.0' },
    type: 'commonjs',
  };
  const cwd = scene.folder({
    'package.json': JSON.stringify(own, null, '\t'),
    'jest.config.js': 'module.exports = {};',
    'tsconfig.json': 'mine',
  });
  const result = await jetplug(['init', '--json'], { cwd });
  const { completed, kept, next } = result.json<Report>();
  expect(completed).toEqual([join(cwd, 'package.json')]);
  expect(kept).toEqual([join(cwd, 'tsconfig.json')]);
  expect(next).toContain('run the host: npx jetplug start');
  const manifest = manifestOf(cwd);
  expect(manifest).toMatchObject({ name: 'shop', type: 'commonjs', dependencies: own.dependencies });
  expect(manifest.scripts).toMatchObject({ start: 'node server.js', test: 'jest', check: 'tsc && jetplug check' });
  // Two configs of Jest would be an error.
  expect(manifest.jest).toBeUndefined();
  expect(readFileSync(join(cwd, 'package.json'), 'utf8')).toContain('\n\t"name": "shop"');
  expect(readFileSync(join(cwd, 'tsconfig.json'), 'utf8')).toBe('mine');
});

test('a package.json that is no JSON object is reported before anything is written', async () => {
  const cwd = scene.folder({ 'package.json': '{' });
  const result = await jetplug(['init', '--json'], { cwd });
  expect(result.code).toBe(1);
  expect(result.errors()).toMatchObject([{ code: 'JP_MANIFEST_INVALID', file: join(cwd, 'package.json') }]);
  expect(filesIn(cwd)).toEqual(['package.json']);
});

test('a file in the place of the folder is reported', async () => {
  const cwd = scene.folder({ project: '' });
  const result = await jetplug(['init', 'project', '--json'], { cwd });
  expect(result.code).toBe(1);
  expect(result.errors()).toMatchObject([{ code: 'JP_FILE_UNWRITABLE', file: join(cwd, 'project') }]);
});

test('--yes installs the packages, and a failure of npm is reported after the files are written', async () => {
  const cwd = scene.folder();
  const bin = standIn('npm', 'echo "$@" > installed');
  const path = process.env['PATH'];
  const installed = await jetplug(['init', '--yes', '--json'], { cwd, env: { PATH: `${bin}:${path}` } });
  expect(installed.json<Report>()).toMatchObject({
    installed: true,
    next: expect.not.arrayContaining(['npm install']),
  });
  expect(readFileSync(join(cwd, 'installed'), 'utf8')).toBe('install\n');

  const failing = standIn('npm', 'exit 3');
  const failed = await jetplug(['init', '--yes', '--json'], { cwd, env: { PATH: `${failing}:${path}` } });
  expect(failed.code).toBe(1);
  expect(failed.errors()).toMatchObject([{ code: 'JP_INSTALL_FAILED', message: expect.stringContaining('with 3') }]);
});

test('in a project of pnpm, and when pnpm runs it, --yes installs by pnpm', async () => {
  const bin = standIn('pnpm', 'echo "$@" >> installed');
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const cwd = scene.folder({ 'pnpm-lock.yaml': '' });
  expect((await jetplug(['init', '--yes', '--json'], { cwd, env })).code).toBe(0);
  const byPnpm = { ...env, npm_config_user_agent: 'pnpm/10.34.8 npm/? node/v20.20.2 linux x64' };
  expect((await jetplug(['init', '--yes', '--json', 'inner'], { cwd, env: byPnpm })).code).toBe(0);
  expect([cwd, join(cwd, 'inner')].map((folder) => readFileSync(join(folder, 'installed'), 'utf8'))).toEqual(
    Array(2).fill('install\n'),
  );
  expect(existsSync(join(cwd, 'pnpm-workspace.yaml'))).toBe(true);
  const asked = await jetplug(['init', '--json', 'third'], { cwd, env: byPnpm });
  expect(asked.json<Report>().next).toContain('install the packages: pnpm install');
});

test('on a terminal it asks before it installs, and Ctrl-C means no', async () => {
  const cwd = scene.folder();
  const bin = standIn('npm', 'touch installed');
  const terminal = onTerminal(['init'], cwd, { PATH: `${bin}:${process.env['PATH']}` });
  await eventually(() => terminal.screen().includes('Install the packages now, with npm install? [Y/n]'));
  terminal.interrupt();
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen()).toContain('1. install the packages: npm install\n');
  expect(existsSync(join(cwd, 'installed'))).toBe(false);
});

/** A folder with a program of this name that runs these commands of a shell. */
function standIn(name: string, commands: string): string {
  const bin = join(scene.folder(), 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, name), `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return bin;
}

function manifestOf(project: string): Manifest {
  return JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as Manifest;
}

function filesIn(project: string): string[] {
  return readdirSync(project, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(project.length + 1))
    .sort();
}

function textsIn(project: string): Record<string, string> {
  return Object.fromEntries(filesIn(project).map((file) => [file, readFileSync(join(project, file), 'utf8')]));
}
