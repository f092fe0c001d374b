/**
 * A project of one's own, from the packed package: install, init, test, start, publish, a new plugin, and its test, as a
 * user types them. The package is packed in a copy of the sources without a build, as in a clean clone.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/eventually';
import { freePort } from '../support/free-port';
import { plainEnv, type LogLine } from '../support/host';
import { ROOT } from '../support/markdown';
import { natsServerBinary } from '../support/nats-server';
import { Scene } from '../support/scene';
import { copyWorkingTree } from '../support/working-tree';
import { report, seconds } from '../chaos/proof';

/** The longest time from the empty folder to the test of the second plugin. */
const FIRST_HOUR_MS = 180_000;
const EVENT = '{"order_id":"o1","customer_id":"c1","total":1200}';

const scene = new Scene();
const times: [step: string, tookMs: number][] = [];
let tarball: string;
let project: string;
let env: NodeJS.ProcessEnv;
let host: ChildProcess | undefined;
const log: LogLine[] = [];

beforeAll(async () => {
  const folder = scene.folder();
  const sources = join(folder, 'sources');
  mkdirSync(sources);
  copyWorkingTree(sources);
  symlinkSync(join(ROOT, 'node_modules'), join(sources, 'node_modules'));
  env = {
    ...Object.fromEntries(Object.entries(plainEnv()).filter(([name]) => !name.startsWith('npm_'))),
    JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary(),
    JETPLUG_NATS_EMBEDDED_PORT: String(await freePort()),
    JETPLUG_HTTP_LISTEN: '127.0.0.1:0',
  };
  await run(`npm run package -- --pack-destination ${folder}`, sources);
  tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  );
  project = join(folder, 'my-platform');
  mkdirSync(project);
});

afterAll(async () => {
  await stopHost();
  await scene.end();
});

test('the package has what its users need and nothing else, and publint and attw have no complaint', async () => {
  const { stdout } = await run(`node .ci/package-check.mjs ${tarball}`, ROOT);
  report('the package', stdout.split('\n')[0]!);
});

describe('in an empty folder', () => {
  test('the package is installed without a warning', async () => {
    const { stderr } = await timed('npm install', `npm install --no-audit --no-fund --prefer-offline ${tarball}`);
    // npm 11 reports install scripts that it does not run. That of @swc/core only checks its own installation.
    const warnings = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm warn install-scripts'));
    expect(warnings).toEqual([]);
  });

  test('init writes the project and installs its packages', async () => {
    const { stdout } = await timed('init', 'npx jetplug init --yes');
    expect(stdout).toContain('plugins/customer-total.plugin.ts');
    expect(stdout).toContain('package.json  missing scripts and packages added');
  });

  test('npm test passes', async () => {
    const { stderr } = await timed('npm test', 'npm test');
    expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
  });

  test('a started host handles an event that is published', async () => {
    const startedMs = performance.now();
    await startHost();
    times.push(['start', performance.now() - startedMs]);
    await timed('publish', `npx jetplug publish orders.placed '${EVENT}'`);
    await eventually(() => log.some(({ msg }) => msg === 'c1 has ordered for 1200 cents'), 30_000);
    const { stdout } = await timed('store', 'npx jetplug store customer-total');
    expect(stdout).toMatch(/^c1 +1200$/m);
  });

  test('a new plugin is loaded by the running host, and its test passes', async () => {
    const { stdout } = await timed('new', 'npx jetplug new big-orders --on orders.placed');
    const command = /run the test: (.+)/.exec(stdout)![1]!;
    await eventually(
      () => log.some(({ msg, plugin }) => msg === 'a plugin is loaded' && plugin === 'big-orders'),
      30_000,
    );
    const { stderr } = await timed('the test of the new plugin', command);
    expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
    const all = times.reduce((sum, [, tookMs]) => sum + tookMs, 0);
    report('own project', `${times.map(([step, ms]) => `${step} ${seconds(ms)}`).join(', ')}; in all ${seconds(all)}`);
    expect(all).toBeLessThan(FIRST_HOUR_MS);
  });

  test('npm run check finds the types, the config and both plugins sound', async () => {
    const { stdout } = await run('npm run check', project);
    expect(stdout).toContain('the config and 2 plugins are sound');
  });

  test('Ctrl-C stops the host', async () => {
    await stopHost();
    expect(log.at(-1)).toMatchObject({ msg: 'stopped' });
  });

  test('the demo runs from the installed package', async () => {
    const { stdout } = await run('npx jetplug demo --quick --requests 5 --json', project);
    const { claims } = JSON.parse(stdout) as { claims: { claim: string; held: boolean }[] };
    expect(claims.filter(({ held }) => !held)).toEqual([]);
  });

  test.each(['node16', 'nodenext', 'bundler'])(
    'CommonJS and ES modules find the types under %s',
    async (resolution) => {
      const module = resolution === 'bundler' ? 'esnext' : resolution;
      const options = {
        module,
        moduleResolution: resolution,
        strict: true,
        noEmit: true,
        target: 'es2022',
        types: ['node'],
      };
      const folder = join(project, `types-${resolution}`);
      mkdirSync(folder);
      const text = `import { defineEvent, Plugin } from 'jetplug/sdk';
import { connectEventBus, type ConnectedEventBus } from 'jetplug/client';
import { testHost, TestClock } from 'jetplug/testing';
export const bus: Promise<ConnectedEventBus> = connectEventBus();
export const all = [defineEvent, Plugin, testHost, new TestClock()];
// @ts-expect-error servers is no number, so the types are not any
connectEventBus({ servers: 1 });
`;
      for (const name of resolution === 'bundler' ? ['es.mts'] : ['es.mts', 'common.cts']) {
        writeFileSync(join(folder, name), text);
      }
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: options, include: ['*.mts', '*.cts'] }),
      );
      await run(`npx tsc -p ${folder}`, project);
    },
  );

  test('CommonJS and ES modules import the three entries', async () => {
    const names = `['jetplug/sdk', 'jetplug/client', 'jetplug/testing']`;
    const [common, es] = await Promise.all([
      run(`node -p "${names}.map((name) => Object.keys(require(name)).length > 0).join()"`, project),
      run(
        `node --input-type=module -e "import { Plugin } from 'jetplug/sdk'; import { connectEventBus } from 'jetplug/client'; import { testHost } from 'jetplug/testing'; console.log([Plugin, connectEventBus, testHost].map((each) => typeof each).join())"`,
        project,
      ),
    ]);
    expect(common.stdout.trim()).toBe('true,true,true');
    expect(es.stdout.trim()).toBe('function,function,function');
  });
});

async function timed(step: string, command: string): Promise<{ stdout: string; stderr: string }> {
  const startedMs = performance.now();
  const result = await run(command, project);
  times.push([step, performance.now() - startedMs]);
  return result;
}

/** Runs the command in a shell, and fails with its output. */
async function run(command: string, cwd: string): Promise<{ stdout: string; stderr: string }> {
  const child = spawn('bash', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${command}\n${stdout}${stderr}`);
  return { stdout, stderr };
}

/** Starts the host in a process group of its own, as in a terminal, so that Ctrl-C reaches all of its processes. */
async function startHost(): Promise<void> {
  const child = spawn('npm', ['start'], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  host = child;
  createInterface(child.stdout).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
  });
  await eventually(() => log.some(({ msg }) => msg === 'ready') || child.exitCode !== null, 60_000);
  expect(log.find(({ msg }) => msg === 'ready')).toMatchObject({ broker: { kind: 'embedded' } });
}

async function stopHost(): Promise<void> {
  const child = host;
  host = undefined;
  if (child?.exitCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  process.kill(-child.pid!, 'SIGINT');
  await closed;
}
