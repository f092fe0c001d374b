// Plants a violation of every import rule in a temporary tree, and fails for each rule that does not report it.
// With a TypeScript version that it does not support, dependency-cruiser reads no module and reports success.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

/** A file, and the import in it that breaks a rule. */
const PLANTED = {
  'sdk/planted.ts': '../host/log/log',
  'sdk/circle.ts': './circle',
  'host/base/planted.ts': '../config/planted',
  'host/config/planted.ts': '../message/planted',
  'host/log/planted.ts': '../records/planted',
  'host/records/planted.ts': '../broker/planted',
  'host/broker/planted.ts': '../nats/planted',
  'host/message/planted.ts': '../nats/planted',
  'host/nats-server/planted.ts': '../nats/planted',
  'host/nats/planted.ts': '../plugin/planted',
  'host/effects/planted.ts': 'nats',
  'host/effects/door.ts': '../../sdk/planted',
  'host/load/planted.ts': '../plugin/planted',
  'host/isolation/planted.ts': '../plugin/planted',
  'host/plugin/planted.ts': '../nats/planted',
  'host/telemetry/planted.ts': '../nats/planted',
  'host/watch/planted.ts': '../ops/planted',
  'host/relay/planted.ts': '../nats/planted',
  'host/client.ts': './plugin/planted',
  'host/ops/planted.ts': '../cli/planted',
  'host/plan/planted.ts': '../ops/planted',
  'host/page/planted.ts': '../cli/planted',
  'host/testing/planted.ts': '../cli/planted',
  'host/replay/planted.ts': '../nats/planted',
  'host/start/planted.ts': '../cli/planted',
  'host/host.ts': './cli/planted',
  'host/cli/planted.ts': '../../examples/planted',
  'host/bin.js': './host',
  'page/planted.ts': '../host/client',
  'host/unlisted/planted.ts': '../log/log',
  'plugins/planted.ts': '../host/log/log',
  'plugins/contracts/planted.ts': 'only-for-tests',
  'plugins/contracts/host.ts': '../../host/log/log',
  'examples/planted.ts': '../test/planted',
  'bench/planted.ts': '../test/planted',
  'test/planted.ts': './is-not-there',
};

const tree = mkdtempSync(join(tmpdir(), 'jetplug-import-canary-'));
try {
  plant();
  const { forbidden } = require('../.dependency-cruiser.cjs');
  const noticed = new Set(cruise().map(({ rule }) => rule.name));
  const unnoticed = forbidden.map(({ name }) => name).filter((name) => !noticed.has(name));
  for (const name of unnoticed) console.log(`a planted violation went unnoticed: ${name}`);
  process.exitCode = unnoticed.length > 0 ? 1 : 0;
} finally {
  rmSync(tree, { recursive: true });
}

function plant() {
  write('package.json', JSON.stringify({ dependencies: { nats: '1' }, devDependencies: { 'only-for-tests': '1' } }));
  write('tsconfig.json', '{}');
  for (const name of ['nats', 'only-for-tests']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, '');
  }
  for (const [file, imported] of Object.entries(PLANTED))
    write(file, `import { a } from '${imported}';\nexport const b = a;\n`);
}

function write(file, text) {
  const path = join(tree, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function cruise() {
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const parts = ['sdk', 'host', 'page', 'plugins', 'examples', 'bench', 'test'];
  const args = [program, ...parts, '--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'];
  // Its exit code counts the violations.
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' });
  if (stdout === '') throw new Error(`dependency-cruiser said nothing: ${stderr}`);
  return JSON.parse(stdout).summary.violations;
}
