import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Identifies a process, so that it is distinct from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The start time in a format of the system. It is only compared with others. */
  readonly start: string;
}

/** The start time of a process for which the system reports none. */
const UNKNOWN_START = 'unknown';

const POLL_MS = 20;
/**
 * The time to wait for the end of a killed process. It is usually gone within milliseconds, except on a very busy
 * machine.
 */
const KILLED_MS = 10_000;

/** Returns the process that has this number now, if any. A zombie counts as ended, because it holds no resources. */
export function identify(pid: number): ProcessIdentity | undefined {
  const start = startOf(pid);
  return start === undefined ? undefined : { pid, start };
}

export function isAlive({ pid, start }: ProcessIdentity): boolean {
  const now = startOf(pid);
  return now !== undefined && (now === start || now === UNKNOWN_START || start === UNKNOWN_START);
}

/** Identifies the space in which process numbers are valid: this boot of this machine, or this container. */
export function processSpace(): string {
  if (!existsSync('/proc/self/ns/pid')) return hostname();
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
}

/** Waits for processes to end. Resolves with false if one still runs after `ms`. */
export async function haveEnded(processes: readonly ProcessIdentity[], ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (processes.some(isAlive)) {
    if (Date.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Ends processes with SIGTERM, and with SIGKILL those that still run after `graceMs`. Resolves when they have ended. */
export async function endProcesses(processes: readonly ProcessIdentity[], graceMs: number): Promise<void> {
  signal(processes, 'SIGTERM');
  if (await haveEnded(processes, graceMs)) return;
  signal(processes, 'SIGKILL');
  if (await haveEnded(processes, KILLED_MS)) return;
  const left = processes.filter(isAlive).map(({ pid }) => pid);
  throw new Error(`process ${left.join(', ')} does not end, not even by SIGKILL`);
}

function signal(processes: readonly ProcessIdentity[], name: NodeJS.Signals): void {
  for (const one of processes.filter(isAlive)) {
    try {
      process.kill(one.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // ESRCH: the process has just ended.
    }
  }
}

function startOf(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) return startByProc(pid);
  return process.platform === 'win32' ? startBySignal(pid) : startByPs(pid);
}

function startByProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return startBySignal(pid); // The process has ended, or is hidden from this user.
  }
  // The name in parentheses may contain any characters. The state follows it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, start] = [fields[0], fields[17], fields[19]];
  // The first thread of a killed process may be a zombie while others still write.
  return isZombie(state) && Number(threads) <= 1 ? undefined : start;
}

function startByPs(pid: number): string | undefined {
  let line: string;
  try {
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    line = execFileSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env }).trim();
  } catch {
    return startBySignal(pid); // ps fails when there is no such process.
  }
  const [state, ...start] = line.split(/\s+/);
  return isZombie(state) ? undefined : start.join(' ');
}

function startBySignal(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  return UNKNOWN_START;
}

function isZombie(state: string | undefined): boolean {
  return state === undefined || /^[ZX]/.test(state);
}
