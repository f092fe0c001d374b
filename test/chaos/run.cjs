// `npm run test:chaos`: runs the slow tests, then the chaos suite. `--full` runs all the counts, and the other arguments
// go to jest.
'use strict';
const { spawnSync } = require('node:child_process');

const given = process.argv.slice(2);
const full = given.includes('--full');
const jest = require.resolve('jest/bin/jest');
const args = ['--passWithNoTests', ...given.filter((arg) => arg !== '--full')];
for (const config of ['jest.slow.config.js', 'jest.chaos.config.js']) {
  const { status } = spawnSync(process.execPath, [jest, '--config', config, ...args], {
    stdio: 'inherit',
    env: { ...process.env, CHAOS_FULL: full ? '1' : '' },
  });
  process.exitCode ||= status ?? 1;
}
