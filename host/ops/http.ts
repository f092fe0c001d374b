import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { JetplugError } from '../../sdk/internal';

/** A reader may look at everything. An operator may change things, too. */
export type Role = 'reader' | 'operator';

/** Who sends a request. */
export interface Requester {
  readonly role: Role;
  /** The name of the token; absent on loopback, where none is needed. */
  readonly name?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends the request; absent where a route answers everybody, and nobody is known. */
    requester?: Requester;
  }
  interface FastifyContextConfig {
    /**
     * Whom a route answers without a token: a `probe` by any name of the host, or `anybody` who addresses the host
     * by its own name. Default: nobody.
     */
    readonly open?: 'probe' | 'anybody';
    /** Whether a route changes nothing although its method is POST, so that readers may use it. Default false. */
    readonly reads?: boolean;
  }
}

export interface HttpServer {
  /** The server's address, such as `http://127.0.0.1:8300`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Adds hooks or routes to a server that does not listen yet. */
export type HttpPart = (app: FastifyInstance) => void;

/** No route has a schema, so the compiler for schemas is left out. Loading it takes about 0.1 s. */
const NO_SCHEMAS = {
  compilersFactory: { buildValidator: unused, buildSerializer: unused },
};

function unused(): never {
  throw new Error('no route has a schema');
}

/** The greatest body of a request. */
const MAX_BODY_BYTES = 1024 * 1024;

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 30_000;
/** How often the server looks for requests that exceed their time. */
const CHECK_TIMES_MS = 1_000;
const MAX_CONNECTIONS = 1_000;

/**
 * Serves HTTP. A request must arrive within 15 s, so that slow clients cannot hold connections.
 * @param listen `host:port`
 * @param parts add hooks and routes, in their order
 * @throws JetplugError `JP_HTTP_LISTEN` when the address is not free or not valid
 */
export async function serveHttp(listen: string, ...parts: readonly HttpPart[]): Promise<HttpServer> {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    schemaController: NO_SCHEMAS,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_TIMES_MS },
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  for (const add of parts) add(app);
  try {
    return { url: await listenOn(app, listen), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listenOn(app: FastifyInstance, listen: string): Promise<string> {
  const { host, port } = splitAddress(listen);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw new JetplugError('JP_HTTP_LISTEN', `cannot listen on ${listen}: ${(cause as Error).message}`, { cause });
  }
  const { address, port: actual, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}

/** Splits `host:port`. The brackets of an IPv6 address are removed. */
export function splitAddress(listen: string): { readonly host: string; readonly port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}
