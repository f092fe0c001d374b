import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/*
 * npm and npx run a command in a shell and forward SIGTERM to that shell only. bash replaces itself by the command, so
 * the command gets the signal. dash, the `sh` of Debian and Ubuntu, ends and leaves the command running. An npm that is
 * killed forwards nothing. In these cases the command sees only that the shell or npm has ended.
 */

/**
 * The parent's process id, read when this file is loaded, because the shell may end while the rest of the command
 * loads.
 */
const PARENT = process.ppid;
const POLL_MS = 250;

/** Calls back once, when npm or the shell in which npm runs this process ends. Without npm it never calls back. */
export function watchNpm(ended: () => void): { stop(): void } {
  const command = commandOf(PARENT);
  const inShell = isNpmShell(process.env['npm_lifecycle_script'], command);
  if (!inShell && !isNpm(command)) return { stop: () => undefined };
  const npm = inShell ? parentOf(PARENT) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === PARENT && (npm === undefined || parentOf(PARENT) === npm)) return;
    clearInterval(timer);
    ended();
  }, POLL_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/**
 * Whether a command line belongs to the shell in which npm runs the script. Every descendant inherits the script in a
 * variable, so the command line must contain it too. Scripts with `&` do not count: their shell ends before a command
 * that it started in the background.
 */
export function isNpmShell(script: string | undefined, command: string | undefined): boolean {
  if (!script || command === undefined || /(?<![&>])&(?![&>])/.test(script)) return false;
  return command.includes(` -c ${script}`);
}

/** Whether a command line is that of npm, which sets its title to `npm start …` or `npm exec …`. */
function isNpm(command: string | undefined): boolean {
  return command !== undefined && /^(npm|npx) |\/np[mx](-cli\.js)? /.test(command);
}

/** The command line of a process; undefined where the process has ended or the system cannot show it. */
function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return commandByPs(pid); // This is not Linux, or the process has ended.
  }
}

function commandByPs(pid: number): string | undefined {
  try {
    const args = ['-o', 'args=', '-p', String(pid)];
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined; // Windows has no `ps`, and no SIGTERM to forward.
  }
}

/** The parent of another process; undefined where the process has ended or the system has no /proc. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may contain any character; the state and the parent come after it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
