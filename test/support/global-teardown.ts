import { leakedProcesses } from './leaked-processes';

/** Once, after all test files: no process that a test started may be left. */
export default function tearDown(): void {
  const leaked = leakedProcesses();
  if (leaked.length === 0) return;
  for (const { pid } of leaked) process.kill(pid, 'SIGKILL');
  const list = leaked.map(({ pid, command }) => `  ${pid} ${command}`).join('\n');
  throw new Error(`the tests left processes behind, which have been ended:\n${list}`);
}
