import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import { startHost, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** Its handler runs until the file that the event names exists. */
const WAITS = pluginSource(
  'WaitsPlugin',
  `  constructor(private readonly log: Logger) {}
  @Subscribe('video.waits', { concurrency: 2 })
  async handle(event: any, context: EventContext) {
    context.log.info('begun', { n: event.n });
    while (event.until && !existsSync(event.until)) await new Promise<void>((resolve) => setTimeout(resolve, 10));
    context.log.info('done', { n: event.n });
  }
  onStop() { this.log.info('onStop', {}); }`,
  { before: `import { existsSync } from 'node:fs';` },
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = [scene.folder({ 'waits.plugin.ts': WAITS })];
});
afterAll(() => scene.end());

const start = (grace: string): Promise<TestHost> => scene.host({ server, plugins, config: { shutdown: { grace } } });
const numbers = (host: TestHost, msg: string): unknown[] => host.logged(msg).map(({ n }) => n);

test('on SIGTERM running handlers finish, waiting events go to another host at once, and the exit code is 0', async () => {
  const stopping = await start('10s');
  const released = join(scene.folder(), 'released');
  publish(1, released);
  publish(2, released);
  for (let n = 3; n <= 10; n++) publish(n);
  await eventually(() => numbers(stopping, 'begun').length === 2);
  const other = await start('10s');
  expect(numbers(other, 'begun')).toEqual([]);

  const stoppedAtMs = performance.now();
  const stopped = stopping.stop();
  await eventually(() => numbers(other, 'done').length === 8);
  // Far below the ack wait of 15 s, after which they would be redelivered in any case.
  expect(performance.now() - stoppedAtMs).toBeLessThan(3_000);
  expect(numbers(stopping, 'done')).toEqual([]);
  writeFileSync(released, '');
  expect(await stopped).toBe(0);
  expect(new Set(numbers(stopping, 'done'))).toEqual(new Set([1, 2]));
  expect(new Set(numbers(other, 'done'))).toEqual(new Set([3, 4, 5, 6, 7, 8, 9, 10]));
  expect(
    stopping.lines.map(({ msg }) => msg).filter((msg) => ['stopping', 'done', 'onStop', 'stopped'].includes(msg)),
  ).toEqual(['stopping', 'done', 'done', 'onStop', 'stopped']);
  expect(await unsettled()).toBe(0);
  expect(await other.stop()).toBe(0);
});

test('handlers that do not finish within the grace have their events nacked as the last step', async () => {
  const stopping = await start('300ms');
  const never = join(scene.folder(), 'never');
  publish(11, never);
  await eventually(() => numbers(stopping, 'begun').includes(11));
  const stoppedAtMs = performance.now();
  expect(await stopping.stop()).toBe(0);
  expect(performance.now() - stoppedAtMs).toBeLessThan(5_000);
  expect(numbers(stopping, 'done')).toEqual([]);

  const other = await start('300ms');
  await eventually(() => numbers(other, 'begun').includes(11), 5_000);
  expect(other.logged('begun')[0]).toMatchObject({ n: 11, attempt: 1 });
  writeFileSync(never, '');
  await eventually(() => numbers(other, 'done').includes(11));
  // Later events are for other hosts.
  expect(await other.stop()).toBe(0);
});

test('a second signal ends a host at once with code 1; another host handles its buffered events', async () => {
  const config = { shutdown: { grace: '60s' }, delivery: { ackWait: '2s' } };
  const stuck = await startHost({ server, plugins, config });
  const released = join(scene.folder(), 'released');
  publish(21, released);
  await eventually(() => numbers(stuck, 'begun').includes(21));
  process.kill(stuck.pid, 'SIGTERM');
  await eventually(() => stuck.logged('stopping').length === 1);
  // A signal within half a second counts as the same one, because Ctrl-C comes twice under npm.
  process.kill(stuck.pid, 'SIGTERM');
  await sleep(600);
  expect(stuck.logged('stopping at once')).toEqual([]);

  const secondAtMs = performance.now();
  expect(await stuck.stop()).toBe(1);
  expect(performance.now() - secondAtMs).toBeLessThan(1_000);
  expect(stuck.logged('stopping at once')).toHaveLength(1);
  expect(numbers(stuck, 'done')).toEqual([]);

  const other = await scene.host({ server, plugins, config });
  writeFileSync(released, '');
  await eventually(() => numbers(other, 'done').includes(21));
  expect(other.logged('begun').find(({ n }) => n === 21)).toMatchObject({ attempt: 1 });
});

function publish(n: number, until?: string): void {
  nats.publish('video.waits', JSON.stringify({ n, until }));
}

async function unsettled(): Promise<number> {
  const jsm = await nats.jetstreamManager();
  return (await jsm.consumers.info('EVENTS', 'waits-handle')).num_ack_pending;
}
