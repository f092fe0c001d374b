import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

/** Counts every tick under a shared key and under its own; every tenth publishes an event; some ticks fail once after their changes. */
const COUNTING = pluginSource(
  'CountingPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { from: 'beginning', concurrency: 16, retry: { attempts: 3, backoff: ['50ms'] } })
  async count(event: any, context: EventContext) {
    const total = await this.counts.update('total', (n = 0) => n + 1);
    await this.counts.update('key.' + event.key, (n = 0) => n + 1);
    if (total % 10 === 0) await this.events.publish('badge.tenth', { total });
    await this.events.publish('badge.ticked', { sequence: context.sequence });
    if (event.fails && context.attempt === 1) throw new Error('after its changes');
  }`,
);
const KILLS = 4;
const LONGEST_LIFE_MS = 1_200;
const KEYS = 10;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = [scene.folder({ 'counting.plugin.ts': COUNTING })];
  jsm = await nats.jetstreamManager();
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins, config: { delivery: { ackWait: '1s' } } });

test('a host that is killed repeatedly under load counts every event once, and publishes each of its own events once', async () => {
  let host = await start();
  const load = new Load();
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(LONGEST_LIFE_MS * (0.5 + Math.random() / 2));
    await host.kill();
    host = await start();
  }
  const sent = await load.end();
  await eventually(settled, 60_000);

  const { total, ...keys } = await stored();
  const { delivered } = await jsm.consumers.info('EVENTS', 'counting-count');
  console.log(`${KILLS} kills, ${sent} events, ${delivered.consumer_seq} deliveries`);
  expect(total).toBe(sent);
  expect(keys).toEqual(load.keys);
  expect(await causes('badge.ticked', 'sequence')).toHaveLength(sent);
  // A run that is not committed has published nothing, so exactly one event saw each tenth total.
  const tenths = await causes('badge.tenth', 'total');
  expect(tenths).toEqual(Array.from({ length: Math.floor(sent / 10) }, (_, i) => (i + 1) * 10));
  expect(await storedLetters(nats)).toEqual([]);
  await recordsAreSmall();
}, 180_000);

test('an event that two hosts get at the same time counts once', async () => {
  const hosts = [await start(), await start()];
  const before = (await stored())['total']!;
  const load = new Load();
  await sleep(1_000);
  await hosts[0]!.kill();
  await sleep(500);
  const sent = await load.end();
  await eventually(settled, 60_000);
  expect((await stored())['total']).toBe(before + sent);
  expect(await causes('badge.ticked', 'sequence')).toHaveLength(before + sent);
}, 60_000);

/** Publishes as fast as the server accepts it, in small batches, and remembers the events. */
class Load {
  readonly keys: Record<string, number> = {};
  private sent = 0;
  private ended = false;
  private readonly running = this.run();

  async end(): Promise<number> {
    this.ended = true;
    await this.running;
    return this.sent;
  }

  private async run(): Promise<void> {
    const js = nats.jetstream();
    while (!this.ended) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const key = `k${this.sent % KEYS}`;
          this.keys[`key.${key}`] = (this.keys[`key.${key}`] ?? 0) + 1;
          const fails = this.sent++ % 50 === 7;
          await js.publish('video.tick', JSON.stringify({ key, fails }));
        }),
      );
      await sleep(20);
    }
  }
}

async function settled(): Promise<boolean> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'counting-count');
  return num_pending + num_ack_pending === 0;
}

async function stored(): Promise<Record<string, number>> {
  return (await readStore(nats, 'counting')) as Record<string, number>;
}

/** The values of a field in all events on a subject, in order. Each value must occur once. */
async function causes(subject: string, field: string): Promise<number[]> {
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: subject });
  const consumer = await nats.jetstream().consumers.get('EVENTS', { filterSubjects: subject });
  const values: number[] = [];
  const count = state.subjects?.[subject] ?? 0;
  while (values.length < count) {
    for await (const message of await consumer.fetch({ max_messages: count - values.length, expires: 5_000 })) {
      values.push(message.json<Record<string, number>>()[field]!);
    }
  }
  expect(new Set(values).size).toBe(values.length);
  return values.sort((a, b) => a - b);
}

/** The checkpoint and the record of settled events stay small, though thousands of events have changed the store. */
async function recordsAreSmall(): Promise<void> {
  const bucket = await nats.jetstream().views.kv('jetplug-counting', { bindOnly: true });
  // The checkpoint names the emits of killed hosts until a host has found that they are sent, twice a minute.
  await eventually(async () => (await bucket.get('=checkpoint'))!.string().length < 8_192, 60_000);
  const records = await nats.jetstream().views.kv('jetplug', { bindOnly: true });
  const settledRecord = await eventually(async () => (await records.get('settled.counting-count')) ?? undefined);
  expect(settledRecord.string().length).toBeLessThan(2_048);
}
