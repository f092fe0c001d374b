import type { FastifyInstance } from 'fastify';
import { readContracts } from '../../ops/contract-records';
import { catalogueOf, type EventCatalogue } from '../../ops/event-catalogue';
import type { Flow } from '../api';
import type { PageContext } from '../page-context';

/** `GET /api/flow`: which events go from whom to whom, by the contracts that hosts have published. */
export function addFlowRoutes(app: FastifyInstance, { connection }: PageContext): void {
  app.get('/api/flow', async () => flowOf(catalogueOf((await readContracts(connection)).records)));
}

/** Handlers of a subject with wildcards get the events of each contract that it covers. */
function flowOf({ messages, handlers, publications }: EventCatalogue): Flow {
  const subjects = new Set([
    ...messages.map(({ contract }) => contract.subject),
    ...handlers.map(({ handler }) => handler.subject),
    ...publications.map(({ subject }) => subject),
  ]);
  const concerns = (subject: string, one: { readonly messages: EventCatalogue['messages'] }, own: string): boolean =>
    own === subject || one.messages.some(({ contract }) => contract.subject === subject);
  return {
    events: [...subjects].sort().map((subject) => ({
      subject,
      publishers: distinct(
        publications.filter((one) => concerns(subject, one, one.subject)).map(({ record }) => record.plugin),
      ),
      subscribers: handlers
        .filter((one) => concerns(subject, one, one.handler.subject))
        .map(({ record, handler }) => ({ plugin: record.plugin, handler: handler.name })),
    })),
  };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
