import type { JetStreamManager, NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

/** Counts each event, and then publishes or stores what the event asks for. */
const SENDS = pluginSource(
  'SendsPlugin',
  `  constructor(private readonly counts: Store<unknown>, private readonly events: EventBus) {}
  @Subscribe('video.asked', { from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async send(event: any) {
    await this.counts.update('handled', (n: any = 0) => n + 1);
    if (event.subject) await this.events.publish(event.subject, { text: 'x'.repeat(event.size ?? 0) });
    if (event.stores) await this.counts.update('large', () => 'x'.repeat(event.stores));
  }`,
);

const scene = new Scene();
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const plugins = [scene.folder({ 'sends.plugin.ts': SENDS })];
  const config = { delivery: { ackWait: '1s', circuit: { messages: 1_000 } } };
  host = await scene.host({ server, plugins, config });
});
afterEach(() => jsm.streams.purge('DEAD'));
afterAll(() => scene.end());

const ask = (event: object) => nats.jetstream().publish('video.asked', JSON.stringify(event));

/** The committed count of handled events. */
async function handled(): Promise<unknown> {
  const commits = await readStream(nats, 'LOG_jetplug-sends');
  const texts = commits
    .flatMap((commit) => commit.json<{ r: { w?: string[] }[] }>().r)
    .flatMap(({ w = [] }) => (w[0] === 'handled' ? [w[1]] : []));
  return JSON.parse(texts.at(-1) ?? '0');
}

test.each<[what: string, event: object, code: string]>([
  ['an event on a subject that no stream holds', { subject: 'nowhere.at.all' }, 'no stream holds nowhere.at.all'],
  ['an event that is larger than the server takes', { subject: 'badge.large', size: 1_100_000 }, 'max_payload'],
  ['changes that are larger than one commit', { stores: 1_100_000 }, 'one commit holds'],
])('%s fails its run before the commit, and the run leaves nothing', async (_what, event, message) => {
  await ask({});
  await eventually(() => allSettled(jsm, ['EVENTS']).then(() => true));
  const before = await handled();
  await ask(event);
  const [letter] = await eventually(async () => {
    const letters = await storedLetters(nats);
    return letters.length > 0 && letters;
  }, 20_000);
  expect(letter!.header.get('x-error-message')).toContain(message);
  expect(letter!.header.get('x-attempts')).toBe('2');
  expect(await handled()).toBe(before);
});

test('a published event waits while its stream is deleted, and its run does not run again', async () => {
  await jsm.streams.add({ name: 'OWN', subjects: ['own.>'] });
  await ask({ subject: 'own.event' });
  await eventually(async () => (await jsm.streams.info('OWN')).state.messages === 1);
  const before = Number(await handled());
  await jsm.streams.delete('OWN');
  await ask({ subject: 'own.event' });
  await eventually(
    () =>
      host.logged('an event is postponed').length > 0 &&
      host.logged('events of a committed run are not sent yet, or its letter is not stored; trying again').length > 0,
    20_000,
  );
  await jsm.streams.add({ name: 'OWN', subjects: ['own.>'] });
  await eventually(async () => (await jsm.streams.info('OWN')).state.messages === 1, 20_000);
  await allSettled(jsm, ['EVENTS']);
  expect(await handled()).toBe(before + 1);
  expect(await storedLetters(nats)).toEqual([]);
});
