import { setTimeout as sleep } from 'node:timers/promises';
import { leakedProcesses, type LeakedProcess } from './leaked-processes';

/** How long ending processes may take. */
const GRACE_MS = 2000;

/** Runs once after all test files: fails if a process of a test is still alive. */
export default async function tearDown(): Promise<void> {
  let leaked = leakedProcesses();
  for (const began = performance.now(); leaked.length > 0; leaked = leakedProcesses()) {
    if (performance.now() - began > GRACE_MS) throw leftBehind(leaked);
    await sleep(20);
  }
}

function leftBehind(leaked: readonly LeakedProcess[]): Error {
  const lines = leaked.map(({ pid, command }) => {
    process.kill(pid, 'SIGKILL');
    return `  ${pid} ${command}`;
  });
  return new Error(`the tests left processes behind, which have been ended:\n${lines.join('\n')}`);
}
