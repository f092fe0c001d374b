import type { FastifyInstance } from 'fastify';
import { AuditStream, type StoredEntry } from '../../nats/audit-stream';
import type { AuditPage } from '../api';
import type { PageContext } from '../page-context';
import { numberIn, queryOf } from '../query';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;

/** `GET /api/audit`: the changes, the newest first. */
export function addAuditRoutes(app: FastifyInstance, { connection, config }: PageContext): void {
  const stream = new AuditStream(connection, config);
  app.get('/api/audit', async ({ query }): Promise<AuditPage> => {
    const asked = queryOf(query);
    const cursor = numberIn(asked, 'cursor', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    return page(stream.newestFirst(cursor), numberIn(asked, 'limit', DEFAULT_LIMIT, MAX_LIMIT));
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
