/** The relay on a real server; its outbox is in memory. The recipes with databases have slow tests. */
import { randomUUID } from 'node:crypto';
import type { JetStreamManager, NatsConnection } from 'nats';
import { connectEventBus, relay, type ConnectedEventBus, type Relay, type RelayOptions } from '../../host/client';
import { eventually } from '../support/eventually';
import { FakeOutbox, row, type LogLine } from '../support/fake-outbox';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let bus: ConnectedEventBus;
let running: Relay[] = [];
let lines: LogLine[] = [];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  bus = await connectEventBus({ servers: server.url });
});
beforeEach(async () => {
  await jsm.streams.add({ name: 'ORDERS', subjects: ['order.>'], max_msg_size: 2_048 });
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  running = [];
  lines = [];
  await eventually(() => jsm.streams.delete('ORDERS'));
});
afterAll(async () => {
  await bus.close();
  await scene.end();
});

function start(outbox: FakeOutbox, options: Partial<RelayOptions> = {}): Relay {
  const line =
    (level: string) =>
    (message: string, fields: object): void =>
      void lines.push({ level, message, ...fields });
  const log = { info: line('info'), warn: line('warn'), error: line('error') };
  const one = relay(bus, outbox, { name: 'shop', interval: '20ms', log, ...options });
  running.push(one);
  return one;
}
const rows = (count: number, more: object = {}): FakeOutbox =>
  new FakeOutbox(Array.from({ length: count }, (_, i) => row(i + 1, more)));
const isEmpty = (outbox: FakeOutbox) => (): boolean => outbox.rows.length === 0;
const stored = async (): Promise<number[]> =>
  (await readStream(nats, 'ORDERS')).map((message) => message.json<{ n: number }>().n);

test('the events are in the stream in the order of the rows, each under its derived id', async () => {
  const outbox = rows(250);
  start(outbox);
  await eventually(isEmpty(outbox));
  expect(await stored()).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  const [first] = await readStream(nats, 'ORDERS');
  expect(first!.json()).toMatchObject({ event_type: 'order.placed', event_id: first!.id, n: 1 });
});

test('rows that two relays publish are stored once, in their order', async () => {
  const outbox = rows(100);
  start(outbox, { batch: 30 });
  start(outbox, { batch: 40 });
  await eventually(isEmpty(outbox));
  expect(await stored()).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});

test('rows whose removal was lost are published again, and the stream drops the repeats', async () => {
  const outbox = rows(20);
  const before = outbox.rows;
  const first = start(outbox);
  await eventually(isEmpty(outbox));
  await first.stop();
  outbox.rows = before;
  start(outbox);
  await eventually(isEmpty(outbox));
  expect(await stored()).toHaveLength(20);
});

test('a row of more bytes than the stream takes, and an invalid one, are refused; the next ones are stored', async () => {
  const large = row(1, { fields: { n: 1, text: randomUUID().repeat(100) } });
  const outbox = new FakeOutbox([large, row(2, { fields: { n: 1n } }), row(3, { event: 'dead.x' }), row(4)]);
  start(outbox);
  await eventually(isEmpty(outbox));
  expect(outbox.refused.map(({ row: { id }, code }) => [id, code])).toEqual([
    [1, 'JP_PUBLISH_TOO_LARGE'],
    [2, 'JP_EVENT_INVALID'],
    [3, 'JP_SUBJECT_INVALID'],
  ]);
  expect(await stored()).toEqual([4]);
});

test('rows wait for a stream that is made later, and rows of other subjects and keys do not', async () => {
  const outbox = new FakeOutbox([row(1, { event: 'bill.sent', key: 'bills' }), row(2)]);
  start(outbox);
  await eventually(async () => (await stored()).length === 1);
  await jsm.streams.add({ name: 'BILLS', subjects: ['bill.>'] });
  await eventually(isEmpty(outbox));
  expect((await readStream(nats, 'BILLS'))[0]!.json()).toMatchObject({ n: 1 });
  expect(outbox.refused).toEqual([]);
  await jsm.streams.delete('BILLS');
});

test('rows wait while the server is away, and are stored in their order when it is back', async () => {
  const outbox = rows(3);
  await server.kill();
  start(outbox);
  await server.restart();
  await eventually(isEmpty(outbox));
  expect(await eventually(stored)).toEqual([1, 2, 3]);
  expect(lines).toEqual([]);
});
