import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Every process that a test starts inherits this variable, whose value is this run's own. */
export const RUN_VARIABLE = 'TEST_RUN';

export interface LeakedProcess {
  readonly pid: number;
  readonly command: string;
}

/** The other processes of this test run, also those whose parent has ended. Linux only. */
export function leakedProcesses(): LeakedProcess[] {
  if (!existsSync('/proc/self/environ')) return [];
  const mark = `${RUN_VARIABLE}=${process.env[RUN_VARIABLE]}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(pid, 'environ').includes(mark))
    .map((pid) => ({ pid: Number(pid), command: read(pid, 'cmdline').join(' ').trim() }))
    .filter(({ pid }) => pid !== process.pid);
}

/** A list of /proc, which is empty for a process that has ended or belongs to another user. */
function read(pid: string, list: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${list}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
