import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export type WatchdogProcess = ChildProcessByStdio<Writable, Readable, null>;

/** Starts `watchdog.ts` as a process in its own session. The watchdog then waits for its order. */
export async function startWatchdog(): Promise<WatchdogProcess> {
  const env = { ...process.env, NODE_OPTIONS: undefined }; // Preloaded modules and debug ports belong to the host.
  const child = spawn(process.execPath, await program(), {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env,
    windowsHide: true,
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  return child;
}

/**
 * Returns the arguments with which Node runs the watchdog: the compiled file, or source text if the host runs from its
 * TypeScript files, as in tests.
 */
async function program(): Promise<string[]> {
  if (!__filename.endsWith('.ts')) return [join(__dirname, 'watchdog.js')];
  const { transformFile } = await import('@swc/core');
  const { code } = await transformFile(join(__dirname, 'watchdog.ts'), {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
    swcrc: false,
  });
  return ['-e', code];
}
