import type { FastifyInstance } from 'fastify';
import { readKeyHistory, readStorePage } from '../../ops/store-page';
import type { KeyHistory, StorePage } from '../api';
import type { PageContext } from '../page-context';
import { numberIn, queryOf, textIn } from '../query';

const LIMIT = { standard: 100, max: 1_000 };
const CHANGES = { standard: 20, max: 200 };

interface OfPlugin {
  Params: { plugin: string };
}

/** The values of a plugin's store, and their history. */
export function addStoreRoutes(app: FastifyInstance, { connection }: PageContext): void {
  app.get<OfPlugin>('/api/store/:plugin', (request): Promise<StorePage> => {
    const query = queryOf(request.query);
    const { q, cursor } = query;
    const limit = numberIn(query, 'limit', LIMIT.standard, LIMIT.max);
    return readStorePage(connection, request.params.plugin, { q, cursor, limit });
  });
  app.get<OfPlugin>('/api/store/:plugin/blame', (request): Promise<KeyHistory> => {
    const query = queryOf(request.query);
    const { scope } = query;
    const key = { key: textIn(query, 'key'), ...(scope && { scope }) };
    return readKeyHistory(
      connection,
      request.params.plugin,
      key,
      numberIn(query, 'limit', CHANGES.standard, CHANGES.max),
    );
  });
}
