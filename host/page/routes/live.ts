import type { FastifyInstance } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { EventStream } from '../live/event-stream';
import type { PageContext } from '../page-context';

const RETRY_S = 5;

/** `GET /api/overview`, and `GET /api/live`, which sends it each second. */
export function addLiveRoutes(app: FastifyInstance, { collector, live }: PageContext): void {
  app.get('/api/overview', () => collector.overview());
  app.get('/api/live', (_request, reply) => {
    if (!live.hasRoom) {
      reply.header('retry-after', RETRY_S);
      throw new JetplugError('JP_HTTP_BUSY', 'too many pages are open on this host');
    }
    reply.header('content-type', 'text/event-stream');
    // Some proxies keep an answer until it ends.
    reply.header('x-accel-buffering', 'no');
    reply.hijack();
    reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>);
    const remove = live.add(new EventStream(reply.raw));
    reply.raw.on('close', remove);
  });
  app.addHook('preClose', async () => live.stop());
}
