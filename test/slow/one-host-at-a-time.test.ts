import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';
import { statuses } from '../support/story';

const HANDLERS = 4;

/** Appends the numbers of each user in the order in which they are handled. */
function ordered(handler: number): string {
  return pluginSource(
    `Ordered${handler}Plugin`,
    `  constructor(private readonly numbers: Store<number[]>) {}
  @Subscribe('video.ordered', { from: 'beginning', key: 'user' })
  async handle(event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await this.numbers.update(event.user, (all = []) => [...all, event.n]);
    context.log.info('handled', { n: event.n });
  }`,
  );
}

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  const files = Array.from({ length: HANDLERS }, (_, i) => [`ordered${i}.plugin.ts`, ordered(i)]);
  plugins = [scene.folder(Object.fromEntries(files) as Record<string, string>)];
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins });

let published = 0;
async function publish(count: number): Promise<void> {
  const js = nats.jetstream();
  for (const end = published + count; published < end; published++) {
    await js.publish('video.ordered', JSON.stringify({ user: `u${published % 5}`, n: published }));
  }
}

/** Whether so many handlers run on each host, the fewest first. */
async function isSpread(...expected: readonly number[]): Promise<true> {
  const counts = new Map<string, number>();
  for (const { handlers } of await statuses({ servers: server.url })) {
    for (const host of handlers[0]!.activeOn ?? []) counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  expect([...counts.values()].sort((a, b) => a - b)).toEqual(expected);
  return true;
}

test('handlers with a key run on one host at a time, are spread over the hosts, and keep the order through each change', async () => {
  const first = await start();
  await publish(40);
  await eventually(async () => isSpread(HANDLERS), 20_000);

  const second = await start();
  await eventually(async () => {
    await publish(5);
    return isSpread(HANDLERS / 2, HANDLERS / 2);
  }, 20_000);
  const shown = await jetplug(['plugins', '--servers', server.url]);
  expect(shown.stdout).toMatch(/ordered0 .*video\.ordered → ordered0-handle.* \S+:\d+/);

  await first.kill();
  await eventually(async () => {
    await publish(5);
    return isSpread(HANDLERS);
  }, 20_000);
  expect(await second.stop()).toBe(0);
  const third = await start();
  await eventually(async () => {
    await publish(5);
    return isSpread(HANDLERS);
  }, 20_000);
  await allSettled(await nats.jetstreamManager(), ['EVENTS'], 20_000);

  for (let i = 0; i < HANDLERS; i++) {
    await bucketIsFilled(nats, `ordered${i}`);
    const bucket = await nats.jetstream().views.kv(`jetplug-ordered${i}`, { bindOnly: true });
    for (let user = 0; user < 5; user++) {
      const numbers = (await bucket.get(`u${user}`))!.json();
      expect(numbers).toEqual(Array.from({ length: published / 5 }, (_, n) => n * 5 + user));
    }
  }
  expect(third.logged('handled').length).toBeGreaterThan(0);
  const all = await statuses({ servers: server.url });
  expect(all.map(({ handlers }) => handlers[0]!.deadLettered)).toEqual([0, 0, 0, 0]);
}, 120_000);
