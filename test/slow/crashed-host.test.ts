import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { isAlive } from '../support/is-alive';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

/** One event kills the process shortly after its run begins. */
const DEADLY = pluginSource(
  'DeadlyPlugin',
  `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.deadly', { from: 'beginning', concurrency: 4 })
  async handle(event: any, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (event.kills) process.kill(process.pid, 'SIGKILL');
    await this.seen.update('k' + event.n, (n = 0) => n + 1);
  }`,
);
const INNOCENT = pluginSource(
  'InnocentPlugin',
  `  constructor(private readonly seen: Store<number>) {}
  @Subscribe('video.deadly', { from: 'beginning', concurrency: 4 })
  async handle(event: any) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    await this.seen.update('k' + event.n, (n = 0) => n + 1);
  }`,
);
const EVENTS = 60;
const KILLER = 20;
/** One kill without a consequence, three that make the event a suspect, and three while it runs alone. */
const DEATHS = 7;

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
});
afterAll(() => scene.end());

test('an event that kills its process repeatedly is dead-lettered; the events that were running beside it are not, and count once', async () => {
  const plugins = [scene.folder({ 'deadly.plugin.ts': DEADLY, 'innocent.plugin.ts': INNOCENT })];
  const start = (): Promise<TestHost> => scene.host({ server, plugins, config: { delivery: { ackWait: '1500ms' } } });
  await (await start()).stop();
  for (let n = 0; n < EVENTS; n++) nats.publish('video.deadly', JSON.stringify({ n, kills: n === KILLER }));

  let deaths = 0;
  while ((await storedLetters(nats)).length === 0) {
    // The host may end before it can report that it is ready.
    const host = await start().catch((error: unknown) => expect(String((error as Error).cause)).toContain('SIGKILL'));
    await eventually(async () => !host || !isAlive(host.pid) || (await storedLetters(nats)).length > 0, 20_000);
    if (host && isAlive(host.pid)) break;
    deaths++;
    expect(deaths).toBeLessThanOrEqual(DEATHS);
  }
  await eventually(async () => (await unsettled('deadly')) + (await unsettled('innocent')) === 0, 20_000);

  console.log(`${deaths} deaths`);
  expect(deaths).toBe(DEATHS);
  const letters = await storedLetters(nats);
  expect(letters.map(({ header }) => [header.get('x-plugin'), header.get('x-dead-letter-reason')])).toEqual([
    ['deadly', 'crashed-host'],
  ]);
  expect(JSON.parse(Buffer.from(letters[0]!.data).toString())).toMatchObject({ n: KILLER });
  expect(letters[0]!.header.get('x-attempts')).toBe('0');
  const all = Array.from({ length: EVENTS }, (_, n) => n);
  expect(await seen('innocent')).toEqual(Object.fromEntries(all.map((n) => [`k${n}`, 1])));
  expect(await seen('deadly')).toEqual(Object.fromEntries(all.filter((n) => n !== KILLER).map((n) => [`k${n}`, 1])));
}, 120_000);

async function unsettled(plugin: string): Promise<number> {
  const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', `${plugin}-handle`);
  return num_pending + num_ack_pending;
}

async function seen(plugin: string): Promise<Record<string, number>> {
  return (await readStore(nats, plugin)) as Record<string, number>;
}
