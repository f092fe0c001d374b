import { Client } from 'pg';
import { openPostgres } from '../../examples/recipes/outbox/postgres';
import { testOutbox } from '../support/outbox-suite';

const BREAK = `
  CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$ LANGUAGE plpgsql;
  CREATE TRIGGER broken AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION broken();`;

testOutbox(async (scene) => {
  const { url } = await scene.postgres();
  const connected = async (): Promise<Client> => {
    const client = new Client(url);
    await client.connect();
    return client;
  };
  const run = async (sql: string): Promise<unknown[]> => {
    const client = await connected();
    try {
      return (await client.query<object>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  return {
    flags: ['--postgres', url],
    open: () => openPostgres(url),
    lock: async () => {
      const client = await connected();
      await client.query('BEGIN');
      await client.query('SELECT id FROM outbox FOR UPDATE');
      return async () => {
        await client.query('ROLLBACK');
        await client.end();
      };
    },
    breakOrders: async (isBroken) => void (await run(isBroken ? BREAK : 'DROP FUNCTION broken CASCADE')),
    countOrders: async () => ((await run('SELECT count(*)::int AS n FROM orders')) as { n: number }[])[0]!.n,
  };
});
