import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { MAIN, plainEnv } from './host';

/** `jetplug` on a terminal of its own, as the program `script` makes one. */
export interface Terminal {
  /** The screen output so far, without colours. */
  screen(): string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Types a text. */
  type(text: string): void;
  /** Types Ctrl-C. */
  interrupt(): void;
  /** Closes the terminal, as closing its window does. */
  close(): void;
}

// eslint-disable-next-line no-control-regex -- colours
const COLOURS = /\u001b\[\d+m/g;

export function onTerminal(args: readonly string[], folder: string, env: NodeJS.ProcessEnv = {}): Terminal {
  const screenFile = `${folder}/screen`;
  // Makes the command the session's first process, which is notified when the terminal is closed.
  const command = ['exec', process.execPath, MAIN, ...args]
    .map((word) => `'${word}'`)
    .join(' ')
    .replace("'exec'", 'exec');
  const script =
    process.platform === 'darwin' ? ['-q', screenFile, '/bin/sh', '-c', command] : ['-qfec', command, screenFile];
  const child = spawn('script', script, {
    cwd: folder,
    env: { ...plainEnv(), ...env },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return {
    screen: () => readFileSync(screenFile, 'utf8').replace(COLOURS, '').replaceAll('\r', ''),
    ended: once(child, 'exit').then(([code]) => code as number | null),
    type: (text) => void child.stdin.write(text),
    interrupt: () => void child.stdin.write('\u0003'),
    close: () => void child.kill('SIGKILL'),
  };
}
