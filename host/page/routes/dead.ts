import type { FastifyInstance, FastifyRequest } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { decodeHeader, headersOfEvent } from '../../broker/letter-headers';
import { readContracts } from '../../ops/contract-records';
import { summarise } from '../../ops/dead-letter-summary';
import { viewPayload } from '../../ops/event-view';
import { noLetter, type LetterFilter } from '../../ops/letters/letter-filter';
import { secretsIn } from '../../ops/secrets';
import type { Job, LetterChange, LetterGroups, LetterPage, LetterView } from '../api';
import { groupLetters } from '../letters/letter-groups';
import { PageLetters } from '../letters/letter-changes';
import { pageOfLetters } from '../letters/letter-page';
import type { PageContext } from '../page-context';
import { numberIn, objectIn, queryOf, type Query } from '../query';

const LIMIT = { standard: 100, max: 1_000 };

/** The dead letters, and the jobs that change them. */
export function addDeadRoutes(app: FastifyInstance, page: PageContext): void {
  const letters = new PageLetters(page);
  app.addHook('onClose', () => letters.stop());

  app.get('/api/dead/groups', async ({ query }): Promise<LetterGroups> => {
    const chosen = await letters.chosen(filterIn(queryOf(query)));
    return { total: chosen.length, groups: groupLetters(chosen, Date.now()) };
  });
  app.get('/api/dead', async (request): Promise<LetterPage> => {
    const query = queryOf(request.query);
    const before = query['cursor'] === undefined ? undefined : numberIn(query, 'cursor', 1, Number.MAX_SAFE_INTEGER);
    return pageOfLetters(
      await letters.chosen(filterIn(query)),
      before,
      numberIn(query, 'limit', LIMIT.standard, LIMIT.max),
    );
  });
  app.get<{ Params: { id: string } }>('/api/dead/:id', ({ params }) => viewLetter(params.id, letters, page));

  for (const kind of ['redrive', 'drop'] as const) {
    app.post(`/api/dead/${kind}`, (request, reply) => {
      const change = objectIn(request.body) as LetterChange;
      const make = () => letters.change(kind, change, nameOf(request));
      if (change.dryRun) return make();
      const { ids, filter, to, ratePerS } = change;
      const detail = {
        ...(ids && { ids: ids.length > 20 ? ids.length : ids }),
        ...(filter && { filter }),
        ...(to !== undefined && { to }),
        ...(ratePerS !== undefined && { ratePerS }),
        ...((change.payload !== undefined || change.payloadText !== undefined) && { edited: true }),
      };
      return page.audit.change(request, reply, { action: kind, target: 'dead letters', detail }, make);
    });
  }

  app.get('/api/jobs', (): Job[] => letters.jobs.list());
  app.post<{ Params: { id: string } }>('/api/jobs/:id/cancel', (request, reply) =>
    page.audit.change(request, reply, { action: 'cancel', target: `job ${request.params.id}` }, async () =>
      letters.jobs.cancel(request.params.id),
    ),
  );
}

async function viewLetter(idText: string, letters: PageLetters, { connection }: PageContext): Promise<LetterView> {
  const id = Number(idText);
  if (!Number.isSafeInteger(id) || id < 1) throw new JetplugError('JP_USAGE', 'the id of a dead letter is a number');
  const { stream } = await letters.services();
  const letter = await stream.get(id);
  if (!letter) throw noLetter(id);
  const summary = summarise(letter);
  const { records } = await readContracts(connection);
  const contracts = records.flatMap((record) => record.contracts);
  const stack = decodeHeader(letter.headers['x-error-stack'] ?? '');
  const schema = contracts.find(({ subject }) => subject === summary.subject)?.schema;
  return {
    ...summary,
    ...(stack !== '' && { stack }),
    headers: headersOfEvent(letter).headers,
    ...viewPayload(letter.payload, secretsIn(records)(summary.subject)),
    ...(schema && { schema }),
  };
}

function filterIn({ group, plugin, handler, reason, q, since, before }: Query): LetterFilter {
  return { group, plugin, handler, reason, q, since, before };
}

function nameOf({ requester }: FastifyRequest): string {
  return requester?.name ?? 'loopback';
}
