import { writeFileSync } from 'node:fs';
import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';
import { ask } from '../support/story';

/** Some events fail at first, and all take a random short time. */
const ORDERED = pluginSource(
  'OrderedPlugin',
  `  constructor(private readonly sums: Store<number[]>) {}
  @Subscribe('video.ordered', { from: 'beginning', key: 'user', concurrency: 16, retry: { attempts: 4, backoff: ['100ms'] } })
  async handle(event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
    if (event.fails && context.attempt <= event.fails) throw new Error('not yet');
    await this.sums.update(event.user, (all = []) => [...all, event.n]);
    context.log.info('handled', { user: event.user, n: event.n });
  }`,
);
/** Blocks at the first event of a user that is stuck. */
const STUCK = pluginSource(
  'StuckPlugin',
  `  @Subscribe('video.stuck', { from: 'beginning', key: 'user', retry: { attempts: 1_000, backoff: ['1s'] } })
  handle(event: any, context: EventContext) {
    context.log.info('ran', { user: event.user });
    if (event.user === 'stuck' && !existsSync('RELEASED')) throw new Error('stuck');
  }`,
  { before: `import { existsSync } from 'node:fs';\n` },
);
const KEYS = 12;
const EVENTS = 600;
const ACK_WAIT_MS = 4_000;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = [scene.folder({ 'ordered.plugin.ts': ORDERED })];
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> =>
  scene.host({ server, plugins, config: { delivery: { ackWait: `${ACK_WAIT_MS}ms` } } });

test('events of each key are handled in order through failures, graceful stops and kills, and count once', async () => {
  const hosts = [await start()];
  await publish(0, EVENTS / 3);
  await eventually(() => hosts[0]!.logged('handled').length > 50);
  expect(await hosts[0]!.stop()).toBe(0);

  // The released events are delivered at once.
  hosts.push(await start());
  const readyAtMs = performance.now();
  await eventually(() => hosts[1]!.logged('handled').length > 0);
  expect(performance.now() - readyAtMs).toBeLessThan(ACK_WAIT_MS);

  await publish(EVENTS / 3, EVENTS);
  await eventually(() => hosts[1]!.logged('handled').length > 100);
  await hosts[1]!.kill();
  hosts.push(await start());
  await eventually(settled, 30_000);
  await bucketIsFilled(nats, 'ordered');

  const order = hosts.flatMap((host) => host.logged('handled'));
  for (let user = 0; user < KEYS; user++) {
    const handled = order.filter((line) => line['user'] === `u${user}`).map(({ n }) => n as number);
    expect(handled).toEqual(handled.toSorted((a, b) => a - b));
    const ofUser = await stored(`u${user}`);
    expect(ofUser).toEqual(Array.from({ length: EVENTS / KEYS }, (_, i) => i * KEYS + user));
  }
  console.log(`${EVENTS} events, ${order.length} times handled, in order`);
  expect(await storedLetters(nats)).toEqual([]);
  expect(await hosts[2]!.stop()).toBe(0);
}, 90_000);

test('a stuck key blocks no other key; its events wait, until the handler visibly stops pulling', async () => {
  const folder = scene.folder();
  const source = STUCK.replace('RELEASED', `${folder}/released`);
  const host = await scene.host({
    server,
    plugins: [scene.folder({ 'stuck.plugin.ts': source })],
    config: { delivery: { maxAckPending: 40, circuit: { messages: 1_000 } } },
  });
  const publishStuck = (user: string): void => nats.publish('video.stuck', JSON.stringify({ user }));
  for (let i = 0; i < 15; i++) publishStuck('stuck');
  for (let i = 0; i < 50; i++) publishStuck(`free${i}`);
  await eventually(() => new Set(host.logged('ran').map(({ user }) => user)).size === 51);
  expect(await handlerOf()).toMatchObject({ state: 'running' });

  for (let i = 0; i < 15; i++) publishStuck('stuck');
  await eventually(async () => (await handlerOf()).waitsFor === 'order');
  expect(await handlerOf()).toMatchObject({ state: 'waiting', circuit: 'closed' });
  expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
  publishStuck('late');
  writeFileSync(`${folder}/released`, '');
  await eventually(() => host.logged('ran').some(({ user }) => user === 'late'), 20_000);
  await eventually(async () => (await handlerOf()).state === 'running');
});

async function publish(from: number, to: number): Promise<void> {
  const js = nats.jetstream();
  for (let n = from; n < to; n++) {
    const fails = n % 37 === 5 ? 1 + (n % 3) : undefined;
    await js.publish('video.ordered', JSON.stringify({ user: `u${n % KEYS}`, n, fails }));
  }
}

async function handlerOf() {
  return (await ask(nats)).find(({ plugin }) => plugin === 'stuck')!.handlers[0]!;
}

async function settled(): Promise<boolean> {
  const jsm = await nats.jetstreamManager();
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', 'ordered-handle');
  return num_pending + num_ack_pending === 0;
}

async function stored(key: string): Promise<number[]> {
  const bucket = await nats.jetstream().views.kv('jetplug-ordered', { bindOnly: true });
  return (await bucket.get(key))!.json();
}
