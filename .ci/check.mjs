// `npm run check`: runs every check that reads the sources without running them. Prints one line for each step, and
// the output of a step only when the step fails.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = (name) => join(root, 'node_modules', '.bin', name);
const folders = ['sdk', 'host', 'page', 'plugins', 'examples', 'bench', 'test'].filter((name) =>
  existsSync(join(root, name)),
);

// The slowest step first: a second one runs beside it.
const STEPS = [
  ['ESLint', program('eslint'), '.', '--max-warnings', '0'],
  ['types', program('tsc'), '-p', 'tsconfig.json'],
  ['types of the page', program('tsc'), '-p', 'page/tsconfig.json'],
  ['types of the docs site', program('tsc'), '-p', 'docs/.vitepress/tsconfig.json'],
  ['Prettier', program('prettier'), '--check', '.'],
  ['imports', program('depcruise'), ...folders],
  ['imports, a violation of each rule planted', process.execPath, '.ci/import-canary.mjs'],
  ['ESLint, constructors planted', process.execPath, '.ci/lint-canary.mjs'],
  ['prose', process.execPath, '.ci/prose-check.mjs'],
  ['unused code (knip)', program('knip')],
  ['lengths of files and classes', process.execPath, '.ci/size-check.mjs'],
];

const begunMs = performance.now();
const failed = [];
const waiting = [...STEPS];
await Promise.all(Array.from({ length: availableParallelism() }, work));
const outcome = failed.length === 0 ? 'all is well' : `failed: ${failed.join(', ')}`;
console.log(`\n${outcome} (${seconds(performance.now() - begunMs)})`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work() {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const [name, command, ...args] = step;
    const { passed, output, tookMs } = await run(command, args);
    console.log(`${passed ? '✓' : '✗'} ${name} (${seconds(tookMs)})`);
    if (passed) continue;
    failed.push(name);
    console.log(output.trimEnd().replace(/^/gm, '    '));
  }
}

function run(command, args) {
  const startedMs = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ passed: code === 0, output: Buffer.concat(said).toString(), tookMs: performance.now() - startedMs });
    });
  });
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
