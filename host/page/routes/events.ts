import type { FastifyInstance } from 'fastify';
import { isPublishSubject, JetplugError } from '../../../sdk/internal';
import { Publisher } from '../../nats/publisher';
import { faultsOf, publishDraft, receiversOf, type EventDraft } from '../../ops/event-draft';
import { listEvents } from '../../ops/event-list';
import { readFilter } from '../../ops/find-events';
import { searchEvents } from '../../ops/find-stored';
import type { DraftCheck, EventCatalogue, EventSamples, PublishedDraft } from '../api';
import type { PageContext } from '../page-context';
import { numberIn, objectIn, payloadTextIn, queryOf, textIn } from '../query';

const LIMIT = { standard: 20, max: 100 };
/** How long a publish waits for the connection. */
const PATIENCE_MS = 5_000;

/** The catalogue of events, samples, and drafts of events. */
export function addEventRoutes(app: FastifyInstance, { connection, config, audit }: PageContext): void {
  let publisher: Publisher | undefined;

  app.get('/api/events', async (): Promise<EventCatalogue> => ({ events: await listEvents(connection, config) }));
  app.get('/api/events/samples', async (request): Promise<EventSamples> => {
    const query = queryOf(request.query);
    const filter = readFilter([], textIn(query, 'subject'), -Infinity);
    const limit = numberIn(query, 'limit', LIMIT.standard, LIMIT.max);
    return { samples: (await searchEvents(connection, config, filter, limit)).events };
  });
  app.post('/api/events/check', { config: { reads: true } }, async ({ body }): Promise<DraftCheck> => {
    const draft = draftIn(body);
    const isSubject = isPublishSubject(draft.subject);
    const receivers = isSubject ? await receiversOf(draft.subject, connection, config) : { receives: [] };
    return { faults: await faultsOf(draft, connection, config), ...receivers };
  });
  app.post('/api/events/publish', (request, reply) => {
    const draft = draftIn(request.body);
    publisher ??= Publisher.start(connection, { patienceMs: PATIENCE_MS });
    const publish = (): Promise<PublishedDraft> => publishDraft(draft, connection, publisher!, config);
    return audit.change(request, reply, { action: 'publish', target: draft.subject }, publish);
  });
}

function draftIn(body: unknown): EventDraft {
  const object = objectIn(body);
  const text = payloadTextIn(object);
  if (text === undefined) throw new JetplugError('JP_USAGE', 'payload is missing');
  return { subject: textIn(object, 'subject'), text };
}
