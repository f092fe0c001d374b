/** The recipes in a real host, each folder as a plugins folder. */
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { PaymentService } from '../support/payment-service';
import { Receiver } from '../support/receiver';
import { recipe } from '../support/recipe';
import { Scene } from '../support/scene';

const NAMES = ['webhook', 'etl', 'orders', 'when'];
const RECIPES = NAMES.map(recipe);
const INVOICES = 20;
/** For a machine that does much other work. */
const LONG_MS = 60_000;

interface Handler {
  readonly circuit: string;
  readonly pending: number;
}

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let host: TestHost;
let accounting: Receiver;
let crm: Receiver;
let payments: PaymentService;

beforeAll(async () => {
  accounting = await Receiver.start();
  crm = await Receiver.start(() => 'hang');
  payments = await PaymentService.start();
  server = await scene.server();
  nats = await scene.client(server.url);
  const secrets = scene.folder({ secret: `whsec_${Buffer.alloc(24, 1).toString('base64')}` });
  const secretFile = join(secrets, 'secret');
  // The waits of the recipes are too long for a test.
  const retry = { attempts: 100, backoff: ['100ms'] };
  host = await scene.host({
    server,
    plugins: RECIPES.map(({ folder }) => folder),
    config: {
      streams: RECIPES.flatMap(({ config }) => config.streams),
      plugins: {
        'accounting-webhook': { settings: { url: accounting.url, secretFile } },
        'crm-webhook': { settings: { url: crm.url, secretFile }, timeout: '1s', retry },
        payment: { settings: { url: payments.url }, retry },
        orders: { settings: { paymentMinutes: 0.25 } },
      },
    },
  });
});
afterAll(async () => {
  await scene.end();
  await Promise.all([accounting.stop(), crm.stop(), payments.stop()]);
});

async function publish(subject: string, fields: object): Promise<void> {
  await nats.jetstream().publish(subject, JSON.stringify(fields));
}

async function storeOf(plugin: string, key: string): Promise<unknown> {
  const bucket = await nats.jetstream().views.kv(`jetplug-${plugin}`, { bindOnly: true });
  return (await bucket.get(key))?.json();
}

async function handlerOf(plugin: string): Promise<Handler> {
  const answer = await nats.request('jetplug.plugins', '');
  const plugins = answer.json<{ plugin: string; handlers: Handler[] }[]>();
  return plugins.find((each) => each.plugin === plugin)!.handlers[0]!;
}

const idsAt = (receiver: Receiver): unknown[] => receiver.requests.map(({ headers }) => headers['webhook-id']);

test('a receiver that hangs delays no other one, and gets every event when it answers again', async () => {
  for (let i = 0; i < INVOICES; i++) {
    await publish('invoice.issued', { invoice_id: `i${i}`, customer_id: 'c1', cents: 100, currency: 'EUR' });
  }
  await eventually(() => accounting.requests.length === INVOICES, LONG_MS);
  await eventually(async () => (await handlerOf('crm-webhook')).circuit === 'open', LONG_MS);
  expect((await handlerOf('accounting-webhook')).circuit).toBe('closed');
  const expected = idsAt(accounting).sort();
  expect(new Set(expected).size).toBe(INVOICES);

  const before = crm.requests.length;
  crm.rule = () => ({ status: 200 });
  await eventually(() => new Set(idsAt(crm).slice(before)).size === INVOICES, LONG_MS);
  expect([...new Set(idsAt(crm))].sort()).toEqual(expected);
  const letters = await jetplug(['dead', 'list', '--plugin', 'crm-webhook', '--json', '--servers', server.url]);
  expect(letters.json()).toEqual([]);
});

test('lines become sums, and a refused line that an operator corrects is added', async () => {
  for (let minute = 0; minute < 60; minute++) {
    const time = `2026-05-12T19:${String(minute).padStart(2, '0')}:00Z`;
    await publish('meter.line_received', { line: `m-17;${time};${minute === 30 ? '0,5' : '0.5'}` });
  }
  const sum = async (): Promise<number> =>
    ((await storeOf('meter-hours', 'm-17.2026-05-12T19')) as { watt_hours: number }).watt_hours;
  await eventually(async () => (await sum()) === 29_500, LONG_MS);
  const flags = ['--plugin', 'meter-lines', '--edit', '--servers', server.url];
  const edited = await jetplug(['dead', 'redrive', ...flags], { env: { VISUAL: "sed -i 's/0,5/0.5/'" } });
  expect(edited).toMatchObject({ code: 0 });
  await eventually(async () => (await sum()) === 30_000, LONG_MS);
});

test('an order is confirmed when it is paid, and cancelled when no answer about its payment comes', async () => {
  await publish('stock.delivered', { sku: 'tea', quantity: 10 });
  await publish('order.placed', { order_id: 'o1', sku: 'tea', quantity: 3, cents: 900 });
  const endingOf = (order: string) => storeOf('orders', order);
  await eventually(
    async () => expect(await endingOf('o1')).toMatchObject({ status: 'confirmed' }) === undefined,
    LONG_MS,
  );
  payments.isDown = true;
  await publish('order.placed', { order_id: 'o2', sku: 'tea', quantity: 3, cents: 900 });
  await eventually(async () => (await storeOf('stock', 'tea')) === 4, LONG_MS);
  await eventually(
    async () => expect(await endingOf('o2')).toMatchObject({ status: 'cancelled' }) === undefined,
    LONG_MS,
  );
  await eventually(async () => (await storeOf('stock', 'tea')) === 7, LONG_MS);
  expect(payments.made).toEqual(['charge-o1']);
});

test('every plugin of the recipes runs', () => {
  expect(host.ready.plugins.filter(({ state }) => state !== 'running')).toEqual([]);
  expect(host.ready.plugins.map(({ plugin }) => plugin)).toEqual(
    expect.arrayContaining(['accounting-webhook', 'crm-webhook', 'meter-lines', 'meter-hours', 'orders', 'stock']),
  );
});

test.each(NAMES)('`check` has no problem with the recipe %s and its config', async (name) => {
  const { folder, configFile } = recipe(name);
  const result = await jetplug(['check', '--plugins', folder, '--config', configFile, '--json']);
  expect(result.json()).toEqual([]);
  expect(result.code).toBe(0);
});
