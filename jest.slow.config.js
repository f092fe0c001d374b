/** Integration tests that take long. `npm run test:chaos` runs them first, several at a time. */
/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  roots: ['<rootDir>/test/slow'],
  // The commands of docs/disasters.md take minutes, on clusters that lose their servers. `.ci/full` runs them.
  testPathIgnorePatterns: process.env['CHAOS_FULL'] === '1' ? [] : ['/disasters\\.test\\.ts$'],
  testTimeout: 300_000,
};
