import type { FastifyInstance } from 'fastify';
import { answerErrors, brokerAway } from './page-errors';
import { pageContext, type PageProgram } from './page-context';
import { addAuditRoutes } from './routes/audit';
import { addDeadRoutes } from './routes/dead';
import { addEventRoutes } from './routes/events';
import { addFlowRoutes } from './routes/flow';
import { addLiveRoutes } from './routes/live';
import { addPluginRoutes } from './routes/plugins';
import { addSessionRoutes } from './routes/session';
import { addStoreRoutes } from './routes/store';
import { addTraceRoutes } from './routes/trace';
import { addTryRoutes } from './routes/try';
import { CLOSED_HINT } from './security/access';
import { guard } from './security/guard';
import { addStaticFiles } from './static-files';

const ROUTES = [
  addSessionRoutes,
  addLiveRoutes,
  addPluginRoutes,
  addFlowRoutes,
  addDeadRoutes,
  addTraceRoutes,
  addTryRoutes,
  addEventRoutes,
  addStoreRoutes,
  addAuditRoutes,
];

/**
 * Adds the page, its API and its guard to a server that does not listen yet. The guard is for all routes.
 * @returns whether the page answers; it does not beyond loopback without a token
 */
export function servePage(app: FastifyInstance, program: PageProgram): boolean {
  const page = pageContext(program);
  guard(app, page.access);
  if (page.access.isClosed) page.log.warn('page, API and /metrics are closed: no token', { hint: CLOSED_HINT });
  answerErrors(app, page);
  refuseWithoutBroker(app, page);
  addStaticFiles(app);
  for (const add of ROUTES) add(app, page);
  return !page.access.isClosed;
}

/** The routes that answer while the broker is away. */
const WITHOUT_BROKER: ReadonlySet<string> = new Set(['/api/session', '/api/live']);

/** Answers at once while the broker is away, because a request to it would wait for its whole time limit. */
function refuseWithoutBroker(app: FastifyInstance, { connection }: PageProgram): void {
  app.addHook('preHandler', async ({ routeOptions: { url = '' } }) => {
    if (url.startsWith('/api/') && !WITHOUT_BROKER.has(url) && !connection.connected) throw brokerAway();
  });
}
