import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Returns the path of a program on the PATH, if there is one. Relative entries are skipped, because they depend on the
 * working directory.
 */
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
    return false; // The file is missing or may not be run. The search continues in both cases.
  }
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env: Env;
  /** The program is killed if it prints nothing for this time after its start. */
  readonly firstOutputMs: number;
  /** The program is killed if it prints nothing for this time later. Default: `firstOutputMs`. */
  readonly silenceMs?: number;
}

/** Runs a program to its end. Resolves with the program's output, and rejects with its last lines. */
export function runProgram(path: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const { firstOutputMs, silenceMs = firstOutputMs, env, cwd } = options;
    const child = spawn(path, args, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let output = '';
    let silence = setTimeout(giveUp, firstOutputMs, firstOutputMs);

    child.stdout.on('data', receive);
    child.stderr.on('data', receive);
    child.on('error', (error) => finish(error));
    child.on('close', (code, signal) => {
      finish(code === 0 ? undefined : new Error(lastLines(output) || `it ended with ${signal ?? `exit code ${code}`}`));
    });

    function receive(chunk: Buffer): void {
      output += chunk.toString('utf8');
      clearTimeout(silence);
      silence = setTimeout(giveUp, silenceMs, silenceMs);
    }

    function giveUp(ms: number): void {
      child.kill('SIGKILL');
      child.stdout.destroy(); // Child processes of the program may hold the pipes open.
      child.stderr.destroy();
      finish(new Error(`no output for ${ms / 1000} s${output === '' ? '' : ` after: ${lastLines(output)}`}`));
    }

    function finish(error: Error | undefined): void {
      clearTimeout(silence);
      if (error === undefined) resolve(output);
      else reject(error);
    }
  });
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-2).join(' ').slice(-300);
}
