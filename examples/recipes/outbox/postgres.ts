/** The orders in a Postgres database. */
import type { OutboxRow } from 'jetplug/client';
import { Pool, type PoolClient } from 'pg';
import { OrderPlaced } from './contracts';
import type { Order, Orders } from './orders';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS orders (
    order_id uuid PRIMARY KEY, customer text NOT NULL, cents bigint NOT NULL, placed_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text, fields jsonb NOT NULL, happened_at timestamptz NOT NULL DEFAULT now(), refused text
  );`;

interface StoredRow {
  readonly id: string;
  readonly key: string | null;
  readonly fields: object;
  readonly happened_at: Date;
}

/** @param url such as `postgres://user@127.0.0.1:5432/shop` */
export async function openPostgres(url: string): Promise<Orders> {
  const pool = new Pool({ connectionString: url, connectionTimeoutMillis: 5_000, statement_timeout: 10_000 });
  // A connection that breaks while nobody uses it. The next query opens another one.
  pool.on('error', ({ message }) => console.warn(`a connection to Postgres was lost: ${message}`));
  await pool.query(SCHEMA);
  return {
    place: (order) => inTransaction(pool, (client) => place(client, order)),
    outbox: {
      take: async (limit) => {
        const { rows } = await pool.query<StoredRow>(
          'SELECT id, key, fields, happened_at FROM outbox WHERE refused IS NULL ORDER BY id LIMIT $1',
          [limit],
        );
        return rows.map(toEvent);
      },
      remove: (ids) => pool.query('DELETE FROM outbox WHERE id = ANY($1::bigint[])', [ids]),
      refuse: ({ id }, { code, message }) =>
        pool.query('UPDATE outbox SET refused = $2 WHERE id = $1', [id, `${code}: ${message}`]),
    },
    close: () => pool.end(),
  };
}

async function place(client: PoolClient, { order_id, customer, cents }: Order): Promise<void> {
  await client.query('INSERT INTO orders (order_id, customer, cents) VALUES ($1, $2, $3)', [order_id, customer, cents]);
  const fields = { order_id, customer, cents };
  await client.query('INSERT INTO outbox (key, fields) VALUES ($1, $2)', [customer, fields]);
}

async function inTransaction(pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query('COMMIT');
  } catch (error) {
    // The server rolls back when the connection ends.
    client.release(true);
    throw error;
  }
  client.release();
}

function toEvent({ id, key, fields, happened_at }: StoredRow): OutboxRow {
  return { id, event: OrderPlaced, fields, timestamp: happened_at.toISOString(), key: key ?? undefined };
}
