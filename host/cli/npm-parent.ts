import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/*
 * npm and npx run a command in a shell and forward SIGTERM to that shell alone. bash replaces itself by the command.
 * dash, the `sh` of Debian and Ubuntu, does not: it dies and leaves the command running. And an npm that is killed
 * forwards nothing. The end of the shell or of npm is then the only sign that the command is to stop.
 */

/** Read when this file is loaded: the shell may end while the rest of the command loads. */
const PARENT = process.ppid;
const LOOK_MS = 250;

/** Calls back once, when npm ends or the shell in which npm runs this process. Under another parent it never does. */
export function watchNpm(ended: () => void): { stop(): void } {
  const command = commandOf(PARENT);
  const inShell = isNpmShell(process.env['npm_lifecycle_script'], command);
  if (!inShell && !isNpm(command)) return { stop: () => undefined };
  const npm = inShell ? parentOf(PARENT) : undefined;
  const timer = setInterval(() => {
    if (process.ppid === PARENT && (npm === undefined || parentOf(PARENT) === npm)) return;
    clearInterval(timer);
    ended();
  }, LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/**
 * Whether a command line is that of the shell in which npm runs the script. Any descendant inherits the script as a
 * variable, so the command line must hold it too. A script that starts a command in the background (`&`) ends before it.
 */
export function isNpmShell(script: string | undefined, command: string | undefined): boolean {
  if (!script || command === undefined || /(?<![&>])&(?![&>])/.test(script)) return false;
  return command.includes(` -c ${script}`);
}

/** npm sets its title to `npm start …` or `npm exec …`. */
function isNpm(command: string | undefined): boolean {
  return command !== undefined && /^(npm|npx) |\/np[mx](-cli\.js)? /.test(command);
}

/** The words of a process's command line with spaces between them; nothing where it has ended or the system does not say. */
function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return commandByPs(pid); // not Linux, or the process has ended
  }
}

function commandByPs(pid: number): string | undefined {
  try {
    const args = ['-o', 'args=', '-p', String(pid)];
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined; // Windows has no such program, and no such signals
  }
}

/** The parent of another process; nothing where it has ended, or the system has no /proc. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; the state and the parent come after it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
