import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const PLUGINS = {
  'some.plugin.ts': pluginSource(
    'SomePlugin',
    `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.some', { from: 'beginning', retry: { attempts: 3, backoff: ['200ms'] } })
  async take(event: any) {
    if (event.bad) throw new Error('bad');
    await this.seen.update('n', (n = 0) => n + 1);
  }`,
  ),
  'once.plugin.ts': pluginSource(
    'OncePlugin',
    `  @Subscribe('video.once', { from: 'beginning', concurrency: 1, retry: { attempts: 1 } })
  take() { throw new Error('down'); }`,
  ),
  'large.plugin.ts': pluginSource(
    'LargePlugin',
    `  constructor(private readonly events: EventBus) {}
  @Subscribe('video.large', { from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async take(event: any) {
    await this.events.publish('badge.large', { text: 'x'.repeat(2_000_000) });
  }`,
  ),
};

const scene = new Scene();
let nats: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  await scene.host({ server, plugins: [scene.folder(PLUGINS)], config: { delivery: { circuit: { over: '300ms' } } } });
});
afterAll(() => scene.end());

test('poison events at the head of a handler that seems down do not block the valid events behind them', async () => {
  for (let i = 0; i < 8; i++) await publish('some', { bad: true });
  await eventually(async () => (await handlerOf('some')).circuit === 'open');
  for (let i = 0; i < 10; i++) await publish('some');
  const beganAtMs = performance.now();
  await eventually(async () => (await handlerOf('some')).circuit === 'closed', 40_000);
  console.log(`closed ${((performance.now() - beganAtMs) / 1_000).toFixed(1)} s after good events came`);
  await eventually(async () => (await seen()) === 10, 20_000);
  // While it handles other events, the failing ones are poison.
  await eventually(async () => {
    await publish('some');
    return (await letters('some')) === 8;
  }, 60_000);
}, 120_000);

test('a handler with one attempt that is down loses only the few events before its circuit opens', async () => {
  for (let i = 0; i < 30; i++) await publish('once');
  await eventually(async () => (await handlerOf('once')).circuit === 'open');
  const { deadLettered } = await handlerOf('once');
  expect(deadLettered).toBe(4);
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'once-take');
  expect(num_pending + num_ack_pending).toBe(26);
});

test('an event whose handler publishes an event that no server accepts is dead-lettered after its attempts', async () => {
  await publish('large');
  await eventually(async () => (await letters('large')) === 1);
  const [letter] = (await storedLetters(nats)).filter(({ header }) => header.get('x-plugin') === 'large');
  expect([letter!.header.get('x-attempts'), letter!.header.get('x-error-message')]).toEqual([
    '2',
    expect.stringMatching(
      /badge\.large was not stored: the event is larger than the server's max_payload of \d+ bytes/,
    ),
  ]);
});

async function publish(of: string, event: object = {}): Promise<void> {
  await nats.jetstream().publish(`video.${of}`, JSON.stringify(event));
}

async function handlerOf(plugin: string) {
  return (await ask(nats)).find((one) => one.plugin === plugin)!.handlers[0]!;
}

async function letters(plugin: string): Promise<number> {
  return (await storedLetters(nats)).filter(({ header }) => header.get('x-plugin') === plugin).length;
}

async function seen(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-some', { bindOnly: true });
  return (await bucket.get('n'))?.json<number>() ?? 0;
}
