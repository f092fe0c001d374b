/** Shared by the servers of the examples: they listen on loopback by default and are closed on a signal. */
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';

export interface Running {
  /** Such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Ends the open requests and frees the port. */
  close(): Promise<void>;
}

/**
 * @param port 0 for any free port
 * @param host the address to listen on; 0.0.0.0 in a container
 */
export async function listen(app: FastifyInstance, port = 0, host = '127.0.0.1'): Promise<Running> {
  const url = await app.listen({ host, port });
  return { url, close: () => app.close() };
}

/**
 * Runs a server as a command. Prints one line of JSON when it listens, and closes on SIGTERM or SIGINT. Prints the error
 * and exits with 1 where it cannot start.
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
