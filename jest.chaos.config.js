/** The proofs by killing things: one after the other, since each wants the machine for itself. */
/** @type {import('jest').Config} */
module.exports = {
  ...require('./jest.config.js'),
  roots: ['<rootDir>/test/chaos'],
  testPathIgnorePatterns: [],
  maxWorkers: 1,
  // A full proof takes minutes; what hangs within it fails by a wait of its own.
  testTimeout: 3_600_000,
};
