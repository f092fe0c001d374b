/** The recipe of an outbox, with each database: each order becomes exactly one event, whoever dies in between. */
import Database from 'libsql';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { Client } from 'pg';
import type { Order, Orders } from '../../examples/recipes/outbox/orders';
import { openPostgres } from '../../examples/recipes/outbox/postgres';
import { openSqlite } from '../../examples/recipes/outbox/sqlite';
import { eventually } from '../support/eventually';
import { post } from '../support/http';
import type { TestServer } from '../support/nats-server';
import { startOrderService, type OrderService } from '../support/order-service';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

interface OutboxDatabase {
  /** The flags of the service. */
  readonly flags: readonly string[];
  open(): Promise<Orders>;
  /** Locks the rows of the outbox, so that they can be read and not removed. Returns a function that ends the lock. */
  lock(): Promise<() => Promise<void>>;
  /** Makes each change of the table `orders` fail, or work again. */
  breakOrders(isBroken: boolean): Promise<void>;
  orderIds(): Promise<string[]>;
}

const DATABASES: [string, (scene: Scene) => Promise<OutboxDatabase>][] = [
  ['sqlite', sqlite],
  ['postgres', postgres],
];

describe.each(DATABASES)('with %s', (_name, openDatabase) => {
  const scene = new Scene();
  const services: OrderService[] = [];
  let server: TestServer;
  let nats: NatsConnection;
  let jsm: JetStreamManager;
  let database: OutboxDatabase;
  let orders: Orders;

  beforeAll(async () => {
    server = await scene.server();
    nats = await scene.client(server.url);
    jsm = await nats.jetstreamManager();
    database = await openDatabase(scene);
    orders = await database.open();
  });
  beforeEach(async () => {
    await jsm.streams.add({ name: 'ORDERS', subjects: ['order.>'] });
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.kill()));
    const left = await orders.outbox.take(1_000);
    await orders.outbox.remove(left.map(({ id }) => id));
    await eventually(() => jsm.streams.delete('ORDERS'));
  });
  afterAll(async () => {
    await orders.close();
    await scene.end();
  });

  async function service(): Promise<OrderService> {
    const started = await startOrderService(server.url, database.flags);
    services.push(started);
    return started;
  }
  const place = (customer: string, cents: number): Promise<unknown> =>
    orders.place({ order_id: crypto.randomUUID(), customer, cents });
  const isEmpty = async (): Promise<boolean> => (await orders.outbox.take(1)).length === 0;
  const storedCount = async (): Promise<number> => (await jsm.streams.info('ORDERS')).state.messages;
  const storedEvents = async (): Promise<(Order & { event_id: string })[]> =>
    (await readStream(nats, 'ORDERS')).map((message) => message.json());

  test('an order that is posted becomes one event with its fields', async () => {
    const { url } = await service();
    const answer = await post(`${url}/orders`, { customer: 'ada', cents: 250 });
    expect(answer).toMatchObject({ status: 201, body: { customer: 'ada', cents: 250 } });
    await eventually(async () => (await storedCount()) === 1);
    await eventually(isEmpty);
    const [stored] = await readStream(nats, 'ORDERS');
    expect(stored!.subject).toBe('order.placed');
    expect(stored!.json()).toEqual({
      event_type: 'order.placed',
      event_id: stored!.id,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      ...(answer.body as object),
    });
  });

  test('a transaction that fails leaves neither an order nor a row in the outbox', async () => {
    const before = await database.orderIds();
    await database.breakOrders(true);
    await expect(place('ada', 1)).rejects.toThrow();
    await database.breakOrders(false);
    expect(await database.orderIds()).toEqual(before);
    expect(await isEmpty()).toBe(true);
  });

  test('killed between publish and remove, and started again: each order is exactly one event, in order', async () => {
    const cents = Array.from({ length: 20 }, (_, n) => n + 1);
    for (const each of cents) await place('ada', each);
    const unlock = await database.lock();
    const first = await service();
    await eventually(async () => (await storedCount()) === 20);
    await first.kill();
    expect(await orders.outbox.take(100)).toHaveLength(20);
    await unlock();
    await service();
    await eventually(isEmpty);
    const events = await storedEvents();
    expect(events.map((event) => event.cents)).toEqual(cents);
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(20);
  });

  test('orders are taken while the NATS server is away, and published when it is back', async () => {
    const { url } = await service();
    await post(`${url}/orders`, { customer: 'ada', cents: 1 });
    await eventually(isEmpty);
    await server.kill();
    for (const n of [2, 3]) {
      expect(await post(`${url}/orders`, { customer: 'ada', cents: n })).toMatchObject({ status: 201 });
    }
    await server.restart();
    await eventually(isEmpty, 20_000);
    expect((await storedEvents()).map(({ cents }) => cents)).toEqual([1, 2, 3]);
  });

  test('SIGTERM ends the service with exit code 0', async () => {
    const { url, stop } = await service();
    await post(`${url}/orders`, { customer: 'ada', cents: 1 });
    expect(await stop()).toBe(0);
  });

  test('a row that cannot be published is marked with the reason, and the next ones are published', async () => {
    await place('ada', -5);
    await place('ada', 5);
    const { noise } = await service();
    await eventually(isEmpty);
    expect((await storedEvents()).map(({ cents }) => cents)).toEqual([5]);
    expect(noise.join('\n')).toMatch(/the relay of an outbox refused a row[\s\S]*JP_EVENT_INVALID/);
  });

  test('killed five times while customers order: each order is exactly one event, in the order of its customer', async () => {
    const before = new Set(await database.orderIds());
    let cents = 0;
    for (let kills = 0; kills < 5; kills++) {
      const { url, kill } = await service();
      const hasEnough = (await storedCount()) + 10;
      const killed = eventually(async () => (await storedCount()) >= hasEnough).then(kill);
      let isUp = true;
      void killed.then(() => (isUp = false));
      const customer = async (name: string): Promise<void> => {
        // The last request of each customer fails, and nobody knows whether its order was written.
        while (isUp) await post(`${url}/orders`, { customer: name, cents: ++cents }).catch(() => undefined);
      };
      await Promise.all([killed, customer('ada'), customer('bob'), customer('eve')]);
    }
    await service();
    await eventually(isEmpty);
    const placed = (await database.orderIds()).filter((id) => !before.has(id));
    const events = await storedEvents();
    expect(placed.length).toBeGreaterThanOrEqual(50);
    expect(events.map(({ order_id }) => order_id).sort()).toEqual(placed.sort());
    for (const name of ['ada', 'bob', 'eve']) {
      const own = events.filter(({ customer }) => customer === name).map((event) => event.cents);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  });
});

async function sqlite(scene: Scene): Promise<OutboxDatabase> {
  const file = join(scene.folder(), 'orders.db');
  const use = <T>(work: (db: Database.Database) => T): T => {
    const db = new Database(file, { timeout: 5_000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    flags: ['--sqlite', file],
    open: async () => openSqlite(file),
    lock: async () => {
      const db = new Database(file, { timeout: 5_000 });
      db.exec('BEGIN IMMEDIATE');
      return async () => {
        db.exec('ROLLBACK');
        db.close();
      };
    },
    breakOrders: async (isBroken) =>
      use((db) => {
        if (!isBroken) return void db.exec('DROP TRIGGER broken');
        db.exec("CREATE TRIGGER broken AFTER INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END");
      }),
    orderIds: async () =>
      use((db) => (db.prepare('SELECT order_id FROM orders').raw().all() as string[][]).flat().sort()),
  };
}

const BREAK = `
  CREATE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$ LANGUAGE plpgsql;
  CREATE TRIGGER broken AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION broken();`;

async function postgres(scene: Scene): Promise<OutboxDatabase> {
  const { url } = await scene.postgres();
  const connected = async (): Promise<Client> => {
    const client = new Client(url);
    await client.connect();
    return client;
  };
  const run = async (sql: string): Promise<{ order_id: string }[]> => {
    const client = await connected();
    try {
      return (await client.query<{ order_id: string }>(sql)).rows;
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
    breakOrders: async (isBroken) => {
      await run(isBroken ? BREAK : 'DROP FUNCTION broken CASCADE');
    },
    orderIds: async () => (await run('SELECT order_id FROM orders')).map(({ order_id }) => order_id).sort(),
  };
}
