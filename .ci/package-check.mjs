// `npm run check:package`: packs the package and checks its size, its files, the links of its README, and its exports
// and types by publint and attw. `-- FILE` checks a tarball instead.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack } from './pack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const MAX_PACKED_BYTES = 700_000;
/** Files that an installed package has no use for. */
const UNWANTED =
  /^(?:dist\/bench|bench|examples|host\/(?!bin\.js$)|sdk|page|test|config|deploy|\.ci|docs\/\.vitepress)\/|\.map$|\.tsbuildinfo$|\.built$/;
const WANTED = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'package.json',
  'jest-preset.json',
  'host/bin.js',
  'dist/host/cli/main.js',
  'dist/host/client.d.ts',
  'dist/host/testing/index.d.ts',
  'dist/sdk/index.d.ts',
  'dist/page/index.html',
  'dist/config.schema.json',
  'dist/examples/demo.js',
  'plugins/badge.plugin.ts',
];

/** Pages for those who have not installed the package yet, and for those who change it; and the pictures. */
const IN_THE_REPOSITORY =
  /^(?:CONTRIBUTING\.md|docs\/(?:images\/.*|(?:coming-from|containers|disasters|glossary|lifecycle|mistakes|opentelemetry|outbox|performance|recipes|reliability|scaling|simulation|when)\.md))$/;

const folder = mkdtempSync(join(tmpdir(), 'jetplug-package-'));
const problems = [];
try {
  check(process.argv[2] === undefined ? pack(folder) : resolve(process.argv[2]));
} finally {
  rmSync(folder, { recursive: true });
}
for (const problem of problems) console.log(`✗ ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

function check(tarball) {
  const bytes = statSync(tarball).size;
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''));
  console.log(`${basename(tarball)}: ${files.length} files, ${Math.round(bytes / 1000)} kB packed`);
  if (bytes > MAX_PACKED_BYTES) problems.push(`the package has ${bytes} bytes, at most ${MAX_PACKED_BYTES}`);
  for (const file of files) if (UNWANTED.test(file)) problems.push(`the package has ${file}`);
  for (const file of WANTED) if (!files.includes(file)) problems.push(`the package lacks ${file}`);
  for (const target of linksOfReadme()) {
    if (!files.includes(target)) problems.push(`the README links to ${target}, which the package lacks`);
  }
  run('publint', 'run', tarball, '--strict');
  // The old resolution node10 is not supported. The preset for Jest is JSON and has no types.
  run('attw', tarball, '--profile', 'node16', '--exclude-entrypoints', 'jest-preset');
}

function linksOfReadme() {
  const targets = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\(([^()\s]+)\)/g)];
  const files = targets.map(([, target]) => target.split('#')[0]);
  return files.filter((file) => file !== '' && !/^https?:/.test(file) && !IN_THE_REPOSITORY.test(file));
}

function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', program), args, { encoding: 'utf8' });
  console.log(stdout.trimEnd());
  if (status !== 0) problems.push(`${program} failed ${stderr ?? ''}`);
}
