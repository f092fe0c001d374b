import type { FastifyInstance } from 'fastify';
import { RunStream } from '../../nats/run-stream';
import { readFilter } from '../../ops/find-events';
import { payloadsOf, searchEvents } from '../../ops/find-stored';
import { findTrace } from '../../ops/find-trace';
import { parseTime } from '../../ops/parse-time';
import { rootAt } from '../../ops/root-at';
import type { FoundEvents, TraceView } from '../api';
import type { PageContext } from '../page-context';
import { numberIn, queryOf, textIn } from '../query';

const LIMIT = { standard: 50, max: 200 };
/** How far a search goes back if the query does not say it. */
const SINCE = '7d';

/** The tree of an event, and the search for events. */
export function addTraceRoutes(app: FastifyInstance, { connection, config }: PageContext): void {
  app.get('/api/trace', async ({ query }): Promise<TraceView> => {
    const event = textIn(queryOf(query), 'event');
    const runs = await RunStream.find(connection);
    const trace = await findTrace(runs, event, await rootAt(connection, config, event), () => undefined);
    return { trace, payloads: await payloadsOf(connection, trace) };
  });
  app.get('/api/find', async (request): Promise<FoundEvents> => {
    const query = queryOf(request.query);
    const { where = [] } = (request.query ?? {}) as { where?: string | string[] };
    const finds = [where].flat().filter((text) => text !== '');
    const filter = readFilter(finds, query['subject'] || undefined, parseTime(query['since'] || SINCE));
    return searchEvents(connection, config, filter, numberIn(query, 'limit', LIMIT.standard, LIMIT.max));
  });
}
