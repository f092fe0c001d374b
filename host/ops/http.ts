import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { JetplugError } from '../../sdk/internal';
import type { Readiness } from './health';

/** The sources of the HTTP answers. */
export interface HttpSources {
  readiness(): Readiness;
  metrics(): Promise<{ type: string; text: string }>;
}

export interface HttpServer {
  /** The server's address, such as `http://127.0.0.1:8300`. */
  readonly url: string;
  close(): Promise<void>;
}

/** No route has a schema, so the compiler for schemas is left out. Loading it takes about 0.1 s. */
const NO_SCHEMAS = {
  compilersFactory: { buildValidator: unused, buildSerializer: unused },
};

function unused(): never {
  throw new Error('no route has a schema');
}

/**
 * Serves `/livez`, `/readyz` and `/metrics`.
 * @param listen `host:port`
 * @throws JetplugError `JP_HTTP_LISTEN` when the address is not free or not valid
 */
export async function serveHttp(listen: string, sources: HttpSources): Promise<HttpServer> {
  const server = fastify({ logger: false, forceCloseConnections: true, schemaController: NO_SCHEMAS });
  server.get('/livez', () => ({ status: 'alive' }));
  server.get('/readyz', (_request, reply) => {
    const { ready, reasons } = sources.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', reasons });
  });
  server.get('/metrics', async (_request, reply) => {
    const { type, text } = await sources.metrics();
    return reply.header('content-type', type).send(text);
  });
  const url = await listenOn(server, listen);
  return { url, close: () => server.close() };
}

async function listenOn(server: FastifyInstance, listen: string): Promise<string> {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replace(/^\[|\]$/g, '');
  try {
    await server.listen({ host, port: Number(listen.slice(at + 1)) });
  } catch (cause) {
    throw new JetplugError('JP_HTTP_LISTEN', `cannot listen on ${listen}: ${(cause as Error).message}`, { cause });
  }
  const { address, port, family } = server.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
