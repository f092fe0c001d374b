'use strict';

const SLOW_MS = 1000;
const SHOWN = 10;

/** Names the slowest tests after a run. */
module.exports = class SlowestReporter {
  onRunComplete(_contexts, { testResults }) {
    const slow = testResults
      .flatMap((file) => file.testResults)
      .filter(({ duration }) => duration >= SLOW_MS)
      .sort((a, b) => b.duration - a.duration)
      .slice(0, SHOWN);
    if (slow.length === 0) return;
    console.error('\nSlowest tests:');
    for (const { duration, fullName } of slow) {
      console.error(`  ${(duration / 1000).toFixed(1).padStart(5)} s  ${fullName}`);
    }
  }
};
