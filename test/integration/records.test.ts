import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const EVENTS = 60;
const LARGE_EVENTS = 30;
/** Each character has two bytes. */
const LARGE_LENGTH = 100_000;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const source = pluginSource(
    'FailsPlugin',
    `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.x', { from: 'beginning', retry: { attempts: 3, backoff: ['20ms'] } })
  async work(event: any, context: EventContext) {
    await this.counts.update('n', (n = 0) => n + 1);
    if (context.attempt <= event.fails) throw new Error('not yet');
  }`,
  );
  const large = pluginSource(
    'LargePlugin',
    `  constructor(private readonly profiles: Store<{ n: number; fill: string }>) {}
  @Subscribe('video.large', { from: 'beginning', retry: { attempts: 3, backoff: ['500ms'] } })
  async grow(event: any, context: EventContext) {
    const { n } = await this.profiles.update('u1', (p) => ({ n: (p?.n ?? 0) + 1, fill: 'ж'.repeat(${LARGE_LENGTH}) }));
    context.log.info('grew', { id: event.id, n });
    if (event.fails && context.attempt === 1) throw new Error('not yet');
  }`,
  );
  plugins = [scene.folder({ 'fails.plugin.ts': source, 'large.plugin.ts': large })];
});
afterAll(() => scene.end());

/** A high limit for the circuit, so that each failure counts for its event. */
const start = (): Promise<TestHost> =>
  scene.host({ server, plugins, config: { delivery: { ackWait: '1s', circuit: { messages: 1_000 } } } });

test('events that failed and then succeeded, or were dead-lettered, leave no message in the host’s bucket', async () => {
  const host = await start();
  for (let i = 0; i < EVENTS; i++) await publish({ fails: i % 5 });
  await eventually(() => settled('fails-work'), 20_000);
  // Some events never fail, some fail once or twice, and some in all their attempts.
  expect(await storedLetters(nats)).toHaveLength((EVENTS / 5) * 2);
  expect(host.logged('a handler failed; the event is tried again').length).toBe((EVENTS / 5) * 7);
  await eventually(async () => (await messagesOf('attempts.>')).length === 0);
  // Only the contracts, the generation of the config, and the records of where each durable began are left.
  const contracts = ['contracts.fails', 'contracts.large'];
  expect((await messagesOf('>')).sort()).toEqual([
    ...contracts,
    'generation',
    'settled.fails-work',
    'settled.large-grow',
  ]);
  await host.stop();
});

test('a record that a killed host did not remove is removed at the next start; that of an unsettled event stays', async () => {
  const js = nats.jetstream();
  const { state } = await jsm.streams.info('EVENTS');
  const record = { charged: 0, provisional: 1, storedAtMs: Date.now(), outages: 0 };
  for (const sequence of [state.last_seq, state.last_seq + 5]) {
    await js.publish(`$KV.jetplug.attempts.fails-work.EVENTS.${sequence}`, JSON.stringify(record));
  }
  const host = await start();
  await eventually(async () => (await messagesOf('attempts.>')).length === 1);
  expect(await messagesOf('attempts.>')).toEqual([`attempts.fails-work.EVENTS.${state.last_seq + 5}`]);
  await host.stop();
});

test('large values are counted exactly though runs fail after their update, and no record of them stays', async () => {
  const host = await start();
  const js = nats.jetstream();
  // All at once. Every third event fails after its update, and other events change the value meanwhile.
  for (let id = 0; id < LARGE_EVENTS; id++)
    await js.publish('video.large', JSON.stringify({ id, fails: id % 3 === 0 }));
  await eventually(() => settled('large-grow'), 20_000);
  expect(host.logged('grew').length).toBeGreaterThanOrEqual(LARGE_EVENTS + LARGE_EVENTS / 3);
  const value = async () => {
    const stored = await jsm.streams.getMessage('KV_jetplug-large', { last_by_subj: '$KV.jetplug-large.u1' });
    return stored.json<{ n: number; fill: string }>();
  };
  await eventually(async () => (await value()).n === LARGE_EVENTS);
  expect((await value()).fill).toBe('ж'.repeat(LARGE_LENGTH));
  expect(host.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await host.stop();
  expect(await messagesOf('attempts.large-grow.>')).toEqual([]);
});

async function publish(event: object): Promise<void> {
  await nats.jetstream().publish('video.x', JSON.stringify(event));
}

async function settled(durable: string): Promise<boolean> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', durable);
  return num_pending + num_ack_pending === 0;
}

/** The keys of the host's bucket with any message, including deletions. */
async function messagesOf(filter: string): Promise<string[]> {
  const { state } = await jsm.streams.info('KV_jetplug', { subjects_filter: `$KV.jetplug.${filter}` });
  return Object.keys(state.subjects ?? {}).map((subject) => subject.replace('$KV.jetplug.', ''));
}
