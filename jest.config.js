const { availableParallelism } = require('node:os');

/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // The slow tests, the chaos suite and the tests in a browser have configs of their own.
  testPathIgnorePatterns: [
    '<rootDir>/test/fixtures/',
    '<rootDir>/test/slow/',
    '<rootDir>/test/chaos/',
    '<rootDir>/test/page/',
  ],
  testEnvironment: '<rootDir>/test/support/leak-environment.ts',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/slowest-reporter.js'],
  // Tests that wait for a server or a process use no processor for most of the time.
  maxWorkers: 2 * availableParallelism(),
  testTimeout: 30_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^jetplug/sdk$': '<rootDir>/sdk/index.ts',
    '^jetplug/client$': '<rootDir>/host/client.ts',
    '^jetplug/testing$': '<rootDir>/host/testing/index.ts',
  },
};
