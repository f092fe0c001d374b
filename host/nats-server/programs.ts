import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where a program lies on the PATH, or undefined. Relative entries are left out: they depend on where one stands. */
export function findOnPath(name: string, env: Env): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter(isAbsolute);
  return folders.map((folder) => join(folder, file)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Not there, or not ours to run: for a search both mean "look on".
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env: Env;
  /** The program is ended when it has not said anything for so long at its start … */
  readonly firstOutputMs: number;
  /** … and for so long later. Default: as at its start. */
  readonly silenceMs?: number;
}

/** Runs a program to its end and returns what it wrote; fails with its last words. */
export function runProgram(path: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const { firstOutputMs, silenceMs = firstOutputMs, env, cwd } = options;
    const child = spawn(path, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let output = '';
    let silence = setTimeout(giveUp, firstOutputMs, firstOutputMs);

    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', (error) => finish(error));
    child.on('close', (code, signal) => {
      finish(code === 0 ? undefined : new Error(lastWords(output) || `it ended with ${signal ?? `exit code ${code}`}`));
    });

    function hear(chunk: Buffer): void {
      output += chunk.toString('utf8');
      clearTimeout(silence);
      silence = setTimeout(giveUp, silenceMs, silenceMs);
    }

    function giveUp(ms: number): void {
      child.kill('SIGKILL');
      child.stdout.destroy(); // What the program itself started may hold the pipes open.
      child.stderr.destroy();
      finish(new Error(`it said nothing for ${ms / 1000} s${output === '' ? '' : ` after: ${lastWords(output)}`}`));
    }

    function finish(error: Error | undefined): void {
      clearTimeout(silence);
      if (error === undefined) resolve(output);
      else reject(error);
    }
  });
}

function lastWords(output: string): string {
  return output.trim().split('\n').slice(-2).join(' ').slice(-300);
}
