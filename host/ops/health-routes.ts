import type { FastifyInstance } from 'fastify';
import type { Readiness } from './health';

/** The sources of the answers. */
export interface HealthSources {
  readiness(): Readiness;
  metrics(): Promise<{ type: string; text: string }>;
}

const PROBE = { config: { open: 'probe' } } as const;

/** Adds `/livez`, `/readyz` and `/metrics`. Only known requesters see the reasons of `/readyz`. */
export function addHealthRoutes(app: FastifyInstance, sources: HealthSources): void {
  app.get('/livez', PROBE, () => ({ status: 'alive' }));
  app.get('/readyz', PROBE, ({ requester }, reply) => {
    const { ready, reasons } = sources.readiness();
    const status = ready ? 'ready' : 'not ready';
    return reply.code(ready ? 200 : 503).send({ status, ...(requester && { reasons }) });
  });
  app.get('/metrics', async (_request, reply) => {
    const { type, text } = await sources.metrics();
    return reply.header('content-type', type).send(text);
  });
}
