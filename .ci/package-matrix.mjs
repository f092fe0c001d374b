// Installs the package by npm and by pnpm, on Node.js 20, 22 and 24, in projects as `jetplug init` writes them. In each
// one it resolves the types of the three entries under node16, nodenext and bundler, imports the entries from CommonJS
// and ES modules, and runs the commands, the project's test and a host. A warning of Node.js or of the installation is a
// failure. Prints a table. Takes some minutes; .ci/full runs it. `-- FILE` tests a tarball instead of packing one.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pack } from './pack.mjs';

/** The pnpm of each Node.js: the oldest supported one, and those that newer versions are used with. */
const PNPM_OF = { 20: '10', 22: '11', 24: '12' };
/** How long a host may take to start and to stop. */
const HOST_MS = 60_000;
/**
 * npm and pnpm name the packages whose install script they have not run. Jetplug works without that of @swc/core. pnpm also
 * reports a slow registry.
 */
const EXPECTED = /^npm warn install-scripts|Ignored build scripts|^╭ Warning|^\[?WARN\]? +Request took/;
/** A busy machine blocks every program. */
const IS_SLOW = /JP_LOOP_BLOCKED|the event loop is free again/;

const TYPES = `import { defineEvent, Plugin } from 'jetplug/sdk';
import { connectEventBus, type ConnectedEventBus } from 'jetplug/client';
import { testHost, TestClock } from 'jetplug/testing';
export const bus: Promise<ConnectedEventBus> = connectEventBus();
export const all = [defineEvent, Plugin, testHost, new TestClock()];
// @ts-expect-error servers is no number, so the types are not any
connectEventBus({ servers: 1 });
`;
const IN_COMMONJS = `const { Plugin } = require('jetplug/sdk');
const { connectEventBus } = require('jetplug/client');
const { testHost } = require('jetplug/testing');
console.log([Plugin, connectEventBus, testHost].map((each) => typeof each).join());
`;
const IN_ES_MODULE = IN_COMMONJS.replaceAll(/const (.*) = require\((.*)\)/g, 'import $1 from $2');

const work = mkdtempSync(join(tmpdir(), 'jetplug-matrix-'));
const problems = [];
try {
  const tarball = process.argv[2] === undefined ? pack(work) : resolve(process.argv[2]);
  const rows = [];
  for (const node of Object.keys(PNPM_OF)) {
    const bin = installTool(`node-linux-${process.arch}@${node}`, `node-linux-${process.arch}/bin`);
    for (const manager of [npm(bin), pnpm(bin, PNPM_OF[node])]) rows.push(await tryIn(tarball, bin, manager));
  }
  console.table(Object.fromEntries(rows));
} finally {
  rmSync(work, { recursive: true, force: true });
}
for (const problem of problems) console.log(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Installs a program as an npm package, in a folder of its own, and returns a folder inside of node_modules. */
function installTool(spec, path, bin = dirname(process.execPath)) {
  const folder = mkdtempSync(join(work, 'tool-'));
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts=false', '--loglevel=error'];
  const { status, stderr } = inPath(bin, 'npm', [...args, spec]);
  if (status !== 0) throw new Error(`${spec} was not installed: ${stderr}`);
  return join(folder, 'node_modules', path);
}

function npm(bin) {
  const version = inPath(bin, 'npm', '--version').stdout.trim();
  return {
    name: `npm ${version}`,
    bins: [],
    add: (file) => ['npm', 'install', '--no-audit', '--no-fund', file],
    install: ['npm', 'install', '--no-audit', '--no-fund'],
  };
}

function pnpm(bin, major) {
  const bins = [installTool(`pnpm@${major}`, '.bin', bin)];
  const version = inPath([...bins, bin].join(delimiter), 'pnpm', '--version').stdout.trim();
  const store = ['--store-dir', join(work, `pnpm-${major}`)];
  return {
    name: `pnpm ${version}`,
    bins,
    add: (file) => ['pnpm', 'add', '--config.strict-dep-builds=false', ...store, file],
    install: ['pnpm', 'install', ...store],
  };
}

/** Runs all checks in a new project. Returns the row of the table. */
async function tryIn(tarball, bin, manager) {
  const path = [...manager.bins, bin].join(delimiter);
  const name = `Node ${inPath(path, 'node', '--version').stdout.trim().slice(1)}, ${manager.name}`;
  const project = mkdtempSync(join(work, 'project-'));
  const row = {};
  const check = async (title, body) => {
    const found = await body();
    row[title] = found.length === 0 ? '✓' : '✗';
    console.log([`${row[title]} ${name}: ${title}`, ...found].join('\n    '));
    problems.push(...found.map(() => `${name}: ${title}`));
  };
  const run = (command, ...args) => inPath(path, command, args, project);
  const jetplug = (...args) => run(join(project, 'node_modules/.bin/jetplug'), ...args);

  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }');
  await check('install', () => {
    const added = run(...manager.add(tarball));
    const written = jetplug('init');
    return [...installed(added), ...quiet(written), ...installed(run(...manager.install))];
  });
  for (const resolution of ['node16', 'nodenext', 'bundler']) {
    await check(resolution, () =>
      quiet(run('node', 'node_modules/typescript/bin/tsc', '-p', typesFolder(project, resolution))),
    );
  }
  await check('CommonJS', () => imports(run, project, 'common.cjs', IN_COMMONJS));
  await check('ESM', () => imports(run, project, 'module.mjs', IN_ES_MODULE));
  await check('--version', () => quiet(jetplug('--version'), new RegExp(`^${versionIn(project)}$`, 'm')));
  await check('check', () => quiet(jetplug('check'), /is sound|are sound/));
  await check('jest', () => tested(run(join(project, 'node_modules/.bin/jest'), '--testTimeout', '60000')));
  await check('start', () => started(path, project));
  return [name, row];
}

/** Runs a program to its end, with the folders first on the PATH. */
function inPath(path, command, args = [], cwd = work) {
  const result = spawnSync(command, [args].flat(), { cwd, env: environment(path), encoding: 'utf8' });
  return { ...result, stdout: result.stdout ?? '', stderr: result.stderr || String(result.error ?? '') };
}

/** The environment of a user's shell: without the settings of npm, of Jetplug and of Node.js that this run has. */
function environment(path) {
  const isOfRun = (name) => /^(?:npm_|JETPLUG_|OTEL_|NODE_)/.test(name);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfRun(name)));
  const { JETPLUG_NATS_SERVER: server, NODE_EXTRA_CA_CERTS: authority } = process.env;
  return {
    ...env,
    ...(server && { JETPLUG_NATS_EMBEDDED_BINARY: server }),
    ...(authority && { NODE_EXTRA_CA_CERTS: authority }),
    PATH: [path, env.PATH].join(delimiter),
  };
}

/** The problems of a command that should print no warning: all of its standard error. */
function quiet({ status, stdout, stderr }, expected = /^/) {
  return [
    ...(status === 0 ? [] : [`exit code ${status}: ${stdout}${stderr}`]),
    ...(status === 0 && stderr.trim() !== '' ? [stderr.trim()] : []),
    ...(status === 0 && !expected.test(stdout) ? [`unexpected output: ${stdout}`] : []),
  ];
}

function installed({ status, stdout, stderr }) {
  const lines = `${stdout}\n${stderr}`.split('\n').map((line) => line.trim());
  const warned = lines.filter(
    (line) => /\bwarn(?:ing)?\b|deprecated|unsupported|peer/i.test(line) && !EXPECTED.test(line),
  );
  return [...(status === 0 ? [] : [`exit code ${status}: ${stdout}${stderr}`]), ...warned];
}

/** Jest prints its results to standard error. */
function tested({ status, stderr }) {
  const warned = stderr.split('\n').filter((line) => /warning|deprecat/i.test(line));
  const passed = /^Tests: +1 passed, 1 total$/m.test(stderr);
  return [...(status === 0 && passed ? [] : [`exit code ${status}: ${stderr}`]), ...warned];
}

/** Writes the sources of both module systems with their config. */
function typesFolder(project, resolution) {
  const folder = join(project, `types-${resolution}`);
  mkdirSync(folder);
  for (const name of ['module.mts', 'common.cts']) writeFileSync(join(folder, name), TYPES);
  const options = {
    module: resolution === 'bundler' ? 'preserve' : resolution,
    moduleResolution: resolution,
    ...{ strict: true, noEmit: true, target: 'es2022', lib: ['es2023'], types: ['node'] },
    // Reads the declarations of the package and of those that it depends on.
    skipLibCheck: false,
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, include: ['*.mts', '*.cts'] }),
  );
  return folder;
}

function imports(run, project, name, text) {
  writeFileSync(join(project, name), text);
  return quiet(run('node', name), /^function,function,function$/m);
}

function versionIn(project) {
  return JSON.parse(readFileSync(join(project, 'node_modules/jetplug/package.json'), 'utf8')).version;
}

/** Starts a host with an embedded broker, waits until it is ready, and stops it. */
async function started(path, project) {
  const args = ['start', '--json', '--http', '127.0.0.1:0', '--nats-port', '0', '--data', join(project, 'data')];
  const child = spawn(join(project, 'node_modules/.bin/jetplug'), args, {
    cwd: project,
    env: environment(path),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: HOST_MS,
    killSignal: 'SIGKILL',
  });
  const lines = [];
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const closed = new Promise((done) => child.once('close', done));
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.includes('"msg":"ready"')) process.kill(JSON.parse(line).pid, 'SIGTERM');
  }
  const status = await closed;
  const isReady = lines.some((line) => line.includes('"msg":"ready"') && line.includes('"plugin":"customer-total"'));
  const bad = lines.filter(
    (line) => !line.startsWith('{') || (/"level":"(?:warn|error)"/.test(line) && !IS_SLOW.test(line)),
  );
  return [
    ...(status === 0 && isReady ? [] : [`exit code ${status}: ${lines.join('\n')}`]),
    ...bad,
    ...(said.trim() === '' ? [] : [said.trim()]),
  ];
}
