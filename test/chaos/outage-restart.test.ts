import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { FakeService } from '../support/fake-service';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const EVENTS = 40;
/** So many distinct events must fail for the circuit to open. */
const OUTAGE_EVENTS = 5;
const OPENS = 'everything fails: the circuit opens and the events wait';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];
let ml: FakeService;
/** The state of the service: down; up; or up, but failing the first request for each event. */
let mode: 'down' | 'up' | 'up the second time' = 'down';
const tried = new Set<string>();

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  ml = await FakeService.start((path) => {
    if (mode !== 'up the second time') return mode === 'up';
    // The probe that closes the circuit must succeed.
    const works = tried.has(path) || tried.size === 0;
    tried.add(path);
    return works;
  });
  const source = pluginSource(
    'MlPlugin',
    `  constructor(private readonly trained: Store<number>) {}
  @Subscribe('video.train', { from: 'beginning', retry: { attempts: 2, backoff: ['100ms'] } })
  async train(event: any) {
    const response = await fetch('${ml.url}/' + event.id);
    await response.text();
    if (!response.ok) throw new Error('ml is down');
    await this.trained.update('n', (n = 0) => n + 1);
  }`,
  );
  plugins = [scene.folder({ 'ml.plugin.ts': source })];
});
afterAll(async () => {
  await scene.end();
  await ml.stop();
});

/** The number of events whose failures are stored for the next host. */
async function eventsOnRecord(): Promise<number> {
  const records = await nats.jetstream().views.kv('jetplug', { bindOnly: true });
  let count = 0;
  for await (const _key of await records.keys('attempts.>')) count++;
  return count;
}

test('an outage over several stops and kills of the host dead-letters nothing and costs no event an attempt', async () => {
  let host = await start();
  const js = nats.jetstream();
  for (let id = 0; id < EVENTS; id++) await js.publish('video.train', JSON.stringify({ id }));

  // Killed before its circuit opens, twice, so that events have failed as many times as they have attempts.
  for (let kill = 0; kill < 2; kill++) {
    const { asked } = ml;
    await eventually(() => ml.asked >= asked + 8);
    // With fewer failed events on record, the next host could not tell an outage from a few bad events.
    await eventually(async () => (await eventsOnRecord()) >= OUTAGE_EVENTS);
    await host.kill();
    expect(await storedLetters(nats)).toEqual([]);
    host = await start();
  }

  // Killed while the circuit opens.
  await eventually(() => host.logged(OPENS).length > 0);
  await host.kill();
  expect(await storedLetters(nats)).toEqual([]);
  host = await start();

  // Stopped, and then killed, while the circuit is open: the next host starts with an open circuit.
  const { outage } = await eventually(async () => {
    const handler = await train();
    return handler.outage && handler;
  });
  expect(outage!.reason).toBe('ml is down');
  for (const end of ['stop', 'kill'] as const) {
    await eventually(stored);
    await host[end]();
    host = await start();
    expect(host.ready.plugins[0]!.handlers[0]).toMatchObject({ circuit: 'open', state: 'waiting', outage });
    expect(host.logged(OPENS)).toEqual([]);
    const { asked } = ml;
    // The service is probed soon, and not by all waiting events.
    await eventually(() => ml.asked > asked, 5_000);
    expect(ml.asked - asked).toBeLessThan(3);
    expect(await train()).toMatchObject({ circuit: 'open', deadLettered: 0, outage });
  }
  expect(await charged()).toEqual([]);

  // Every event but one fails once more. If a failure of the outage had counted, this failure would be its last.
  mode = 'up the second time';
  await eventually(async () => (await trained()) === EVENTS, 20_000);
  await eventually(async () => {
    const { circuit, state, pending, inFlight } = await train();
    return circuit === 'closed' && state === 'running' && pending === 0 && inFlight === 0;
  });
  expect(await storedLetters(nats)).toEqual([]);
  expect((await train()).failed).toBeGreaterThanOrEqual(EVENTS - 1);

  // The next host knows that the outage has ended.
  await eventually(async () => !(await stored()));
  await host.stop();
  host = await start();
  expect(host.ready.plugins[0]!.handlers[0]).toMatchObject({ circuit: 'closed', state: 'running' });
}, 90_000);

const start = (): Promise<TestHost> => scene.host({ server, plugins, config: { delivery: { ackWait: '1s' } } });

async function train() {
  return (await ask(nats))[0]!.handlers[0]!;
}

async function records() {
  return nats.jetstream().views.kv('jetplug', { bindOnly: true });
}

/** Whether the outage is recorded. */
async function stored(): Promise<boolean> {
  const entry = await (await records()).get('circuit.ml-train');
  return entry?.json<{ ongoing?: unknown }>().ongoing !== undefined;
}

/** The records of events with a failure of their own. */
async function charged(): Promise<string[]> {
  const bucket = await records();
  const found: string[] = [];
  for await (const key of await bucket.keys('attempts.>')) {
    const entry = await bucket.get(key);
    if (entry && entry.json<{ charged: number }>().charged > 0) found.push(key);
  }
  return found;
}

async function trained(): Promise<number> {
  const bucket = await nats.jetstream().views.kv('jetplug-ml', { bindOnly: true });
  return (await bucket.get('n'))?.json<number>() ?? 0;
}
