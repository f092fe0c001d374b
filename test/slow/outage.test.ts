import type { NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { FakeService } from '../support/fake-service';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';
import { ask, statuses } from '../support/story';

const EVENTS = 300;
const RETRY = `{ from: 'beginning', retry: { attempts: 2, backoff: ['100ms'] } }`;
const CONFIG = { delivery: { circuit: { messages: 3, over: '500ms' } } };

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;
let ml: FakeService;
let isUp = true;
/** This many requests fail though the service is up. */
let failures = 0;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  ml = await FakeService.start(() => isUp && failures-- <= 0);
  const plugins = [
    scene.folder({
      'ml.plugin.ts': pluginSource(
        'MlPlugin',
        `  constructor(private readonly trained: Store<number>) {}
  @Subscribe('video.train', ${RETRY})
  async train(event: any) {
    const response = await fetch('${ml.url}');
    await response.text();
    if (!response.ok) throw new Error('ml is down');
    await this.trained.update('n', (n = 0) => n + 1);
  }`,
      ),
      'other.plugin.ts': pluginSource(
        'OtherPlugin',
        `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.other', ${RETRY})
  async take(event: any) {
    if (event.poison) throw new Error('poison');
    await this.seen.update('n', (n = 0) => n + 1);
  }`,
      ),
    }),
  ];
  host = await scene.host({ server, plugins, config: CONFIG });
});
afterAll(async () => {
  await scene.end();
  await ml.stop();
});

test('while a service is down its events wait, none is dead-lettered, and a poison event of another plugin is', async () => {
  await publish('video.train', 20);
  await eventually(async () => (await count('ml')) === 20);
  expect(await handlerOf('ml')).toMatchObject({ circuit: 'closed', state: 'running' });

  isUp = false;
  const downAtMs = Date.now();
  await publish('video.train', EVENTS);
  await publish('video.other', 10);
  await publish('video.other', 1, { poison: true });
  await publish('video.other', 10);
  await eventually(async () => (await handlerOf('ml')).circuit === 'open');
  const [shown] = (await statuses(host)).find(({ plugin }) => plugin === 'ml')!.handlers;
  expect(shown).toMatchObject({ circuit: 'open', state: 'waiting', outage: { reason: 'ml is down' }, deadLettered: 0 });
  expect(Date.parse(shown!.outage!.since)).toBeGreaterThanOrEqual(downAtMs);

  // The poison event fails alone among valid ones, so the failure is its own.
  const [letter] = await eventually(async () => {
    const letters = await storedLetters(nats);
    return letters.length > 0 && letters;
  });
  expect(letter!.header.get('x-plugin')).toBe('other');
  expect(letter!.header.get('x-attempts')).toBe('2');
  await bucketIsFilled(nats, 'other');
  expect(await count('other')).toBe(20);

  // A probe runs now and then, though hundreds of events wait.
  const asked = ml.asked;
  await eventually(() => ml.asked > asked);
  expect(ml.asked - asked).toBeLessThan(4);
  expect((await handlerOf('ml')).deadLettered).toBe(0);

  isUp = true;
  // A skipped probe is delayed for twice the time until the next probe, 10 s at most.
  await eventually(async () => (await count('ml')) === 20 + EVENTS, 40_000);
  await eventually(async () => {
    const { circuit, state, pending, inFlight } = await handlerOf('ml');
    return circuit === 'closed' && state === 'running' && pending === 0 && inFlight === 0;
  }, 20_000);
  expect((await handlerOf('ml')).outage).toBeUndefined();
  expect(await storedLetters(nats)).toHaveLength(1);
}, 100_000);

test('the failures of an outage cost no attempts: after it an event still has all its attempts', async () => {
  // The records are removed after the acks.
  const records = await nats.jetstream().views.kv('jetplug', { bindOnly: true });
  await eventually(async () => {
    for await (const key of await records.keys()) if (key.startsWith('attempts.ml-train')) return false;
    return true;
  });
  // If one failure of the outage had counted, this failure would be the last of two.
  failures = 1;
  await publish('video.train', 1);
  await eventually(async () => (await count('ml')) === 20 + EVENTS + 1);
  expect(await storedLetters(nats)).toHaveLength(1);
});

async function publish(subject: string, times: number, event: object = {}): Promise<void> {
  const js = nats.jetstream();
  await Promise.all(Array.from({ length: times }, () => js.publish(subject, JSON.stringify(event))));
}

async function handlerOf(name: string) {
  return (await ask(nats)).find(({ plugin }) => plugin === name)!.handlers[0]!;
}

async function count(name: string): Promise<number> {
  const bucket = await nats.jetstream().views.kv(`jetplug-${name}`, { bindOnly: true });
  return (await bucket.get('n'))?.json<number>() ?? 0;
}
