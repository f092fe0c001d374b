// `prepack`: builds dist/ for the npm package, from nothing. The JavaScript has no comments, which are a quarter of its
// size. Only the types that the three public entries need are kept. The next `npx jetplug` builds for development again.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);
const ENTRIES = ['sdk/index.d.ts', 'host/client.d.ts', 'host/testing/index.d.ts'].map((file) => join(dist, file));

rmSync(dist, { recursive: true, force: true });
// `npm run check` checks the types.
const noCache = ['--noCheck', '--incremental', 'false', '--tsBuildInfoFile', 'null'];
const scripts = ['--removeComments', '--declaration', 'false', '--sourceMap', 'false'];
run(require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json', ...noCache, ...scripts);
run(require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.types.json', ...noCache);
removeOtherTypes();
run('page/build.mjs');
writeSchema();

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

/** Removes the declarations that no public entry leads to. */
function removeOtherTypes() {
  const needed = new Set();
  const waiting = [...ENTRIES];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (needed.has(file)) continue;
    needed.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import) ?\(?['"](\.[^'"]+)['"]/g)) {
      waiting.push(declarationOf(join(dirname(file), path)));
    }
  }
  for (const name of readdirSync(dist, { recursive: true })) {
    const file = join(dist, name);
    if (name.endsWith('.d.ts') && !needed.has(file)) rmSync(file);
  }
}

function declarationOf(path) {
  const found = [`${path}.d.ts`, join(path, 'index.d.ts')].find((file) => existsSync(file) && statSync(file).isFile());
  if (found === undefined) throw new Error(`no declaration for ${path}`);
  return found;
}

/** Editors complete a project's config with this schema. */
function writeSchema() {
  const { configJsonSchema } = require('../dist/host/config/json-schema.js');
  writeFileSync(join(dist, 'config.schema.json'), `${JSON.stringify(configJsonSchema())}\n`);
}
