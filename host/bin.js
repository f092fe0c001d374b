#!/usr/bin/env node
// The `jetplug` command. In a checkout of the sources it compiles first when a source has changed, so it never runs
// a stale build. An installed package has no sources to compile.
'use strict';
const { existsSync, readdirSync, statSync, utimesSync, writeFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

const root = join(__dirname, '..');
const parent = process.ppid;
// Written by this script, and only after the compiler has succeeded.
const stamp = join(root, 'dist', '.built');

function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  // A folder's own time changes when a file is added or removed.
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  const sources = ['sdk', 'host', 'page', 'examples', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  return sources.some((name) => existsSync(join(root, name)) && newest(join(root, name)) > built);
}

function build() {
  const startedMs = Date.now();
  const compiler = require.resolve('typescript/bin/tsc', { paths: [root] });
  if (process.stderr.isTTY) process.stderr.write('compiling …\r');
  // `npm run check` and editors check the types. Checking them here would delay the command.
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--noCheck'];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
  const page = spawnSync(process.execPath, [join(root, 'page', 'build.mjs')], { stdio: ['ignore', 2, 2] });
  if (page.status !== 0) process.exit(page.status ?? 1);
  writeFileSync(stamp, '');
  // A source that was saved while the compiler ran may be missing from the build: it counts as changed.
  utimesSync(stamp, startedMs / 1000, startedMs / 1000);
}

if (existsSync(join(root, 'tsconfig.build.json')) && isStale()) {
  build();
  // npm has been stopped meanwhile, because the shell in which it runs this script has ended (see host/cli/npm-parent.ts).
  if (process.env.npm_lifecycle_script && process.ppid !== parent) process.exit(143);
}
const main = join(root, 'dist', 'host', 'cli', 'main.js');
if (!existsSync(main)) {
  // `.npmrc` keeps npm from running scripts, so a plain `npm pack` in a checkout compiles nothing.
  process.stderr.write('jetplug: this package lacks its compiled files. In a checkout, pack by `npm run package`.\n');
  process.exit(1);
}
require(main);
