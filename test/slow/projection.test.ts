/** The recipe of a projection into a database: its table has each event exactly once, whoever dies in between. */
import Database from 'libsql';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { Client } from 'pg';
import { ROOT } from '../support/markdown';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const CONFIG = {
  streams: [{ name: 'ORDERS', subjects: ['order.>'] }],
  delivery: { ackWait: '2s' },
};
const DAY = '2026-05-12';
const ORDER = { order_id: '0b1f9f0e-6f0c-4c9a-9d0e-0d2a3c7c1f55', customer: 'ada' };

interface SalesTables {
  readonly env: NodeJS.ProcessEnv;
  /** The rows of the table: day, orders, cents. */
  sales(): Promise<unknown[][]>;
  /** Locks the tables for writes. Returns a function that ends the lock. */
  lock(): Promise<() => Promise<void>>;
  /** Whether the handler waits for the lock. */
  waits(host: TestHost): Promise<boolean>;
}

const DATABASES: [string, (scene: Scene) => Promise<SalesTables>][] = [
  ['sqlite', sqlite],
  ['postgres', postgres],
];

describe.each(DATABASES)('with %s', (name, open) => {
  const scene = new Scene();
  let server: TestServer;
  let nats: NatsConnection;
  let jsm: JetStreamManager;
  let tables: SalesTables;
  let host: TestHost;

  beforeAll(async () => {
    tables = await open(scene);
    server = await scene.server();
    nats = await scene.client(server.url);
    jsm = await nats.jetstreamManager();
    host = await start();
  });
  afterAll(() => scene.end());

  const start = (): Promise<TestHost> =>
    scene.host({
      server,
      plugins: [join(ROOT, 'examples/recipes/projection', name)],
      config: CONFIG,
      env: tables.env,
    });
  const publish = async (event_id: string, cents: number): Promise<void> => {
    const event = { ...ORDER, event_id, cents, timestamp: `${DAY}T12:00:00Z` };
    await nats.jetstream().publish('order.placed', JSON.stringify(event));
  };
  const settled = async (count: number): Promise<unknown> =>
    eventually(async () => {
      const { ack_floor, num_ack_pending } = await jsm.consumers.info('ORDERS', 'sales-add');
      return ack_floor.stream_seq === count && num_ack_pending === 0;
    }, 20_000);

  test('an event that is stored twice under one id counts once', async () => {
    for (const [id, cents] of [
      ['a', 100],
      ['b', 20],
      ['a', 100],
    ] as const)
      await publish(id, cents);
    await settled(3);
    expect(await tables.sales()).toEqual([[DAY, 2, 120]]);
  });

  test('a host that is killed in the transaction leaves nothing, and the next one counts the event once', async () => {
    const unlock = await tables.lock();
    await publish('c', 3);
    await eventually(() => tables.waits(host));
    await host.kill();
    await unlock();
    expect(await tables.sales()).toEqual([[DAY, 2, 120]]);
    host = await start();
    await settled(4);
    expect(await tables.sales()).toEqual([[DAY, 3, 123]]);
  });

  test('a host that is killed after the transaction and before the ack counts the event once', async () => {
    const unlock = await tables.lock();
    await publish('d', 4);
    await eventually(() => tables.waits(host));
    // From now on the host can settle nothing.
    server.freeze();
    await unlock();
    await eventually(async () => (await tables.sales())[0]![2] === 127);
    await host.kill();
    server.thaw();
    host = await start();
    await settled(5);
    expect(await tables.sales()).toEqual([[DAY, 4, 127]]);
  });
});

async function sqlite(scene: Scene): Promise<SalesTables> {
  const file = join(scene.folder(), 'sales.db');
  return {
    env: { SALES_DB: file },
    sales: async () => {
      const db = new Database(file);
      const rows = db.prepare('SELECT day, orders, cents FROM daily_sales').raw().all();
      db.close();
      return rows as unknown[][];
    },
    lock: async () => {
      const db = new Database(file);
      db.exec('BEGIN IMMEDIATE');
      return async () => {
        db.exec('ROLLBACK');
        db.close();
      };
    },
    // SQLite waits in the host's thread, which then answers nobody.
    waits: ({ url }) =>
      fetch(`${url}/livez`, { signal: AbortSignal.timeout(500) }).then(
        () => false,
        () => true,
      ),
  };
}

async function postgres(scene: Scene): Promise<SalesTables> {
  const { url } = await scene.postgres();
  const query = async (sql: string): Promise<unknown[][]> => {
    const client = new Client(url);
    await client.connect();
    try {
      return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows;
    } finally {
      await client.end();
    }
  };
  return {
    env: { SALES_DATABASE_URL: url },
    sales: () => query('SELECT day::text, orders::int, cents::int FROM daily_sales'),
    lock: async () => {
      const client = new Client(url);
      await client.connect();
      await client.query('BEGIN');
      await client.query('LOCK TABLE daily_sales IN SHARE ROW EXCLUSIVE MODE');
      return async () => {
        await client.query('ROLLBACK');
        await client.end();
      };
    },
    waits: async () => (await query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length > 0,
  };
}
