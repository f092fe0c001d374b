/** The tables of the projection, in Postgres. */
import { Logger } from 'jetplug/sdk';
import { Pool, type PoolClient } from 'pg';
import { injectable } from 'tsyringe';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS handled (event_id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS daily_sales (day date PRIMARY KEY, orders bigint NOT NULL, cents bigint NOT NULL);`;

@injectable()
export class SalesDatabase {
  private pool: Pool | undefined;

  constructor(private readonly log: Logger) {}

  async onStart() {
    const connectionString = process.env['SALES_DATABASE_URL'];
    this.pool = new Pool({ connectionString, max: 8, connectionTimeoutMillis: 5_000, statement_timeout: 10_000 });
    // A connection that breaks while nobody uses it. The next query opens another one.
    this.pool.on('error', (error) => this.log.warn('a connection to Postgres was lost', { error }));
    await this.pool.query(SCHEMA);
  }

  async onStop() {
    await this.pool?.end();
  }

  /**
   * Applies the changes of an event in one transaction with the note that the event is handled. Does nothing if the event
   * is handled already. Of two transactions with one event, the second one waits for the first.
   */
  async once(eventId: string, change: (client: PoolClient) => Promise<unknown>): Promise<void> {
    if (!this.pool) throw new Error('the database is not open');
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const { rowCount } = await client.query('INSERT INTO handled (event_id) VALUES ($1) ON CONFLICT DO NOTHING', [
        eventId,
      ]);
      if (rowCount === 1) await change(client);
      await client.query('COMMIT');
    } catch (error) {
      // The server rolls back when the connection ends.
      client.release(true);
      throw error;
    }
    client.release();
  }
}
