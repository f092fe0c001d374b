import { spawn } from 'node:child_process';
import { MAIN, plainEnv, STORY_FOLDER } from './host';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The output with `--json`. */
  json<T>(): T;
  /** The errors on standard error with `--json`. */
  errors(): { code: string; message: string; file?: string; line?: number; hint?: string }[];
}

export interface CliOptions {
  /** The standard input. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Default: a folder whose config has only the streams of the story. */
  readonly cwd?: string;
}

const LIMIT_MS = 30_000;

/** Runs `jetplug` with these arguments, until it ends. */
export async function jetplug(
  args: readonly string[],
  { input = '', env, cwd = STORY_FOLDER }: CliOptions = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...plainEnv(), ...env } });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A command that reads no standard input may end before it is written.
  child.stdin.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  child.stdin.end(input);
  const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()];
  return {
    code,
    stdout,
    stderr,
    json: () => JSON.parse(stdout) as never,
    errors: () =>
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as never),
  };
}
