#!/usr/bin/env node
// The `jetplug` command. In a checkout of the sources it first compiles what has changed, so that
// it never runs a stale build; in an installed package there is nothing to compile.
'use strict';
const { existsSync, readdirSync, statSync, utimesSync, writeFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

const root = join(__dirname, '..');
const parent = process.ppid;
// Ours, not the compiler's: written only when everything compiled.
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
  const sources = ['sdk', 'host', 'examples', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  return sources.some((name) => existsSync(join(root, name)) && newest(join(root, name)) > built);
}

function build() {
  const startedMs = Date.now();
  const compiler = require.resolve('typescript/bin/tsc', { paths: [root] });
  if (process.stderr.isTTY) process.stderr.write('compiling …\r');
  // The types are for `npm run check`, and for the editor: with them it would take twice as long.
  const args = [compiler, '-p', join(root, 'tsconfig.build.json'), '--noCheck'];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(stamp, '');
  // What was saved while the compiler ran may not be in it.
  utimesSync(stamp, startedMs / 1000, startedMs / 1000);
}

if (existsSync(join(root, 'tsconfig.build.json')) && isStale()) {
  build();
  // The shell in which npm runs this has ended meanwhile: npm was told to stop (see host/cli/npm-parent.ts).
  if (process.env.npm_lifecycle_script && process.ppid !== parent) process.exit(143);
}
require(join(root, 'dist', 'host', 'cli', 'main.js'));
