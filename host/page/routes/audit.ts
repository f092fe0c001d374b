import type { FastifyInstance } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { AuditStream, type StoredEntry } from '../../nats/audit-stream';
import type { AuditPage } from '../api';
import type { PageContext } from '../page-context';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

interface Paged {
  readonly Querystring: Readonly<Record<string, unknown>>;
}

/** `GET /api/audit`: the changes, the newest first. */
export function addAuditRoutes(app: FastifyInstance, { connection, config }: PageContext): void {
  const stream = new AuditStream(connection, config);
  app.get<Paged>('/api/audit', async ({ query }): Promise<AuditPage> => {
    const limit = wholeNumber(query['limit'], 'limit') ?? DEFAULT_LIMIT;
    const cursor = wholeNumber(query['cursor'], 'cursor');
    return page(stream.newestFirst(cursor), Math.min(limit, MAX_LIMIT));
  });
}

async function page(entries: AsyncIterable<StoredEntry>, limit: number): Promise<AuditPage> {
  const found: StoredEntry[] = [];
  for await (const entry of entries) {
    if (found.length === limit)
      return { entries: found.map(({ entry }) => entry), next: String(found.at(-1)!.sequence) };
    found.push(entry);
  }
  return { entries: found.map(({ entry }) => entry) };
}

/** @throws JetplugError `JP_USAGE` */
function wholeNumber(text: unknown, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new JetplugError('JP_USAGE', `${name} is not a whole number above 0`);
}
