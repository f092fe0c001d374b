// `npm run test:chaos`: `--full` runs all the counts, and the other arguments go to jest.
'use strict';
const { spawnSync } = require('node:child_process');

const given = process.argv.slice(2);
const full = given.includes('--full');
const jest = require.resolve('jest/bin/jest');
const args = ['--config', 'jest.chaos.config.js', ...given.filter((arg) => arg !== '--full')];
const { status } = spawnSync(process.execPath, [jest, ...args], {
  stdio: 'inherit',
  env: { ...process.env, CHAOS_FULL: full ? '1' : '' },
});
process.exitCode = status ?? 1;
