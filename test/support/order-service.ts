/** The order service of examples/recipes/outbox, built and run as a command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { plainEnv } from './host';

const SERVICE = resolve(__dirname, '../../dist/examples/recipes/outbox/service.js');

export interface OrderService {
  readonly url: string;
  /** Its output after the first line, and its errors. */
  readonly noise: readonly string[];
  /** Sends SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** @param database the flags of the database */
export async function startOrderService(servers: string, database: readonly string[]): Promise<OrderService> {
  const child = spawn(process.execPath, [SERVICE, '--servers', servers, ...database], {
    env: plainEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  void ended.then(() => process.off('exit', killAtExit));
  const noise: string[] = [];
  createInterface(child.stderr).on('line', (line) => noise.push(line));
  const lines = createInterface(child.stdout);
  const [first] = (await Promise.race([once(lines, 'line'), ended])) as unknown as [string | undefined];
  if (first === undefined) throw new Error(`the service did not start:\n${noise.join('\n')}`);
  lines.on('line', (line) => noise.push(line));
  return {
    url: (JSON.parse(first) as { url: string }).url,
    noise,
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
