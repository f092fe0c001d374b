// `prepack`: builds dist/ for the npm package, from nothing. The JavaScript has no comments and no indentation, which are
// a third of its size. Only the types that the three public entries need are kept. The next `npx jetplug` builds for development again.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

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
await removeWhitespace();
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

/** Prints the scripts without needless white space. No name is changed, so stack traces name the functions. */
async function removeWhitespace() {
  const scripts = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith('.js'));
  for (const file of scripts.map((name) => join(dist, name))) {
    const { code } = await transform(readFileSync(file, 'utf8'), { minifyWhitespace: true, target: 'es2022' });
    writeFileSync(file, code);
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
