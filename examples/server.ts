/** What the examples' servers have in common: loopback, a free port unless told, an end. */
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';

export interface Running {
  /** Such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Ends open requests and frees the port. */
  close(): Promise<void>;
}

/** @param port 0 for a free one */
export async function listen(app: FastifyInstance, port = 0): Promise<Running> {
  const url = await app.listen({ host: '127.0.0.1', port });
  return { url, close: () => app.close() };
}

/**
 * Runs a server as a command: prints one line of JSON when it listens, closes on SIGTERM or SIGINT,
 * and fails with the reason where it cannot start.
 */
export function runAsCommand(start: () => Promise<Running>): void {
  serve(start).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}

async function serve(start: () => Promise<Running>): Promise<void> {
  const { close, ...running } = await start();
  console.log(JSON.stringify({ msg: 'listening', pid: process.pid, ...running }));
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  await close();
}
