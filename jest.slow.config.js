/** Integration tests that take long. `npm run test:chaos` runs them first, several at a time. */
/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  roots: ['<rootDir>/test/slow'],
  testPathIgnorePatterns: [],
  testTimeout: 300_000,
};
