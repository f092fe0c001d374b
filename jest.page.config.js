/** The tests of the page in a browser. They need Chromium: Debian's package `chromium`. */
const shared = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...shared,
  roots: ['<rootDir>/test/page'],
  testPathIgnorePatterns: [],
  globalSetup: '<rootDir>/test/support/page/build-page.ts',
  maxWorkers: 1,
  // Axe looks at every view. On a busy machine this takes a minute.
  testTimeout: 180_000,
};
