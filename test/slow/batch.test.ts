import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const GATHERS = pluginSource(
  'GathersPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe(Reading, { from: 'beginning', concurrency: 2, batch: { size: 50, wait: '200ms' }, retry: { attempts: 3, backoff: ['50ms'] } })
  async take(events: Reading[], context: BatchContext) {
    context.log.info('batch', { size: events.length });
    const bad = [];
    for (const [index, event] of events.entries()) {
      if (event.kind === 'torn') throw new Error('a batch is torn');
      if (event.kind === 'bad') { bad.push({ index, error: new Error('bad reading') }); continue; }
      if (event.kind === 'never') { bad.push({ index, error: new Reject('never') }); continue; }
      const total = await this.counts.update('total', (n = 0) => n + 1, { for: event });
      await this.events.publish('badge.read', { n: event.n, total }, { for: event });
    }
    if (bad.length > 0) throw new BatchFailure(bad);
  }`,
  {
    before: `import { BatchFailure, type BatchContext } from 'jetplug/sdk';
class Reading extends defineEvent('video.reading', z.object({ n: z.number(), kind: z.string().optional() })) {}
`,
  },
);
const EVENTS = 1_500;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  plugins = [scene.folder({ 'gathers.plugin.ts': GATHERS })];
});
afterAll(() => scene.end());

/** A high limit for the circuit, so that each failing event is dead-lettered instead of waiting. */
const CONFIG = { delivery: { ackWait: '1s', circuit: { messages: 1_000 } } };
const start = (): Promise<TestHost> => scene.host({ server, plugins, config: CONFIG });

test('batches count each event once and emit once for each, though the host is killed among them', async () => {
  let host = await start();
  for (let n = 0; n < EVENTS; n++) publish({ n });
  await eventually(() => host.logged('batch').length >= 5);
  expect(host.logged('batch').some(({ size }) => size === 50)).toBe(true);
  await host.kill();
  host = await start();
  await eventually(settled, 30_000);
  await hasCounted(EVENTS);
  const emitted = await readings();
  expect(emitted.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: EVENTS }, (_, n) => n));
  expect(new Set(emitted.map((event) => event.total)).size).toBe(EVENTS);
  expect(await storedLetters(nats)).toEqual([]);
  expect(await host.stop()).toBe(0);
}, 60_000);

test('each event of a batch has its own outcome: handled, retried, rejected, invalid; only that event is dead-lettered', async () => {
  const before = EVENTS;
  for (let n = 0; n < 20; n++) publish({ n, ...(n === 7 && { kind: 'bad' }), ...(n === 9 && { kind: 'never' }) });
  publish({ n: 'no number' });
  const host = await start();
  const letters = await eventually(async () => {
    const all = await storedLetters(nats);
    return all.length === 3 && all;
  });
  const found = letters.map(({ header, data }) => [
    header.get('x-dead-letter-reason'),
    Number(header.get('x-attempts')),
    (JSON.parse(Buffer.from(data).toString()) as { n: unknown }).n,
  ]);
  expect(found).toEqual(
    expect.arrayContaining([
      ['schema', 0, 'no number'],
      ['rejected', 1, 9],
      ['attempts-exhausted', 3, 7],
    ]),
  );
  await eventually(settled);
  await hasCounted(before + 18);
  expect(await host.stop()).toBe(0);
}, 30_000);

test('an event that makes its batch fail is dead-lettered alone; the others are retried one by one and handled', async () => {
  const before = await total();
  const letters = (await storedLetters(nats)).length;
  for (let n = 0; n < 10; n++) publish({ n, ...(n === 4 && { kind: 'torn' }) });
  await start();
  await eventually(async () => (await storedLetters(nats)).length === letters + 1);
  await eventually(settled);
  await hasCounted(before + 9);
}, 30_000);

function publish(event: object): void {
  nats.publish('video.reading', JSON.stringify(event));
}

async function settled(): Promise<boolean> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'gathers-take');
  return num_pending + num_ack_pending === 0;
}

/** Checks the count in the bucket, which follows the commits within some milliseconds and then stays. */
async function hasCounted(count: number): Promise<void> {
  await eventually(async () => (await total()) >= count);
  await sleep(100);
  expect(await total()).toBe(count);
}

async function total(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-gathers', { bindOnly: true });
  return (await bucket.get('total'))?.json<number>() ?? 0;
}

async function readings(): Promise<{ n: number; total: number }[]> {
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: 'badge.read' });
  const count = state.subjects?.['badge.read'] ?? 0;
  const consumer = await nats.jetstream().consumers.get('EVENTS', { filterSubjects: 'badge.read' });
  const found: { n: number; total: number }[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) found.push(message.json());
  return found;
}
