import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { MAIN, plainEnv } from './host';

export interface PageCommand {
  readonly url: string;
  /** Sends SIGTERM, and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Runs `jetplug page` on a free port until it serves. */
export async function startPage(flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<PageCommand> {
  const args = [MAIN, 'page', '--http', '127.0.0.1:0', '--json', ...flags];
  const child = spawn(process.execPath, args, {
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let text = '';
  const url = new Promise<string>((resolve) =>
    createInterface(child.stdout).on('line', (line) => {
      text += line;
      const [found] = /http:[^"]+/.exec(text) ?? [];
      if (found !== undefined) resolve(found);
    }),
  );
  const failed = ended.then(([code]): never => {
    throw new Error(`jetplug page ended with ${code}: ${text}`);
  });
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM');
    return (await ended)[0];
  };
  failed.catch(() => undefined);
  return { url: await Promise.race([url, failed]), stop };
}
