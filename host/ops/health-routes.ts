import type { FastifyInstance } from 'fastify';
import type { Readiness } from './health';

/** The sources of the answers. */
export interface HealthSources {
  readiness(): Readiness;
  metrics(): Promise<{ type: string; text: string }>;
}

/** Adds `/livez`, `/readyz` and `/metrics`. */
export function addHealthRoutes(app: FastifyInstance, sources: HealthSources): void {
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/readyz', (_request, reply) => {
    const { ready, reasons } = sources.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', reasons });
  });
  app.get('/metrics', async (_request, reply) => {
    const { type, text } = await sources.metrics();
    return reply.header('content-type', type).send(text);
  });
}
