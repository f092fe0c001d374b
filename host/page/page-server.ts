import type { FastifyInstance } from 'fastify';
import { answerErrors, brokerAway } from './page-errors';
import { pageContext, type PageProgram } from './page-context';
import { addSessionRoutes } from './routes/session';

/** Adds the page and its API to a server that does not listen yet. */
export function servePage(app: FastifyInstance, program: PageProgram): void {
  const page = pageContext(program);
  answerErrors(app, page);
  refuseWithoutBroker(app, page);
  addSessionRoutes(app, page);
}

/** The routes that answer while the broker is away. */
const WITHOUT_BROKER: ReadonlySet<string> = new Set(['/api/session', '/api/live']);

/** Answers at once while the broker is away, because a request to it would wait for its whole time limit. */
function refuseWithoutBroker(app: FastifyInstance, { connection }: PageProgram): void {
  app.addHook('preHandler', async ({ routeOptions: { url = '' } }) => {
    if (url.startsWith('/api/') && !WITHOUT_BROKER.has(url) && !connection.connected) throw brokerAway();
  });
}
