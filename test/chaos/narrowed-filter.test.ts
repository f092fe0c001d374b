import type { NatsConnection } from 'nats';
import { durableConfig, durableInfo, editDurable } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

/** Two handlers that take all of `video.wide.>`, one of them in batches. Events with `weak` fail at their first attempt. */
const WIDE = pluginSource(
  'WidePlugin',
  `  constructor(private readonly store: Store<number>) {}

  @Subscribe('video.wide.>', { retry: { attempts: 5, backoff: ['20ms'] } })
  async one(event: any, context: EventContext) {
    context.log.info('ran', { n: event.n, handler: 'one' });
    if (event.weak && context.attempt === 1) throw new Error('weak');
    await this.store.update('one-' + event.n, (count = 0) => count + 1);
  }

  @Subscribe('video.wide.>', { batch: { size: 20, wait: '50ms' } })
  async many(events: any[], context: BatchContext) {
    for (const event of events) {
      context.log.info('ran', { n: event.n, handler: 'many' });
      await this.store.update('many-' + event.n, (count = 0) => count + 1, { for: event });
    }
  }`,
  { before: `import type { BatchContext } from 'jetplug/sdk';` },
);
const HANDLERS = ['one', 'many'];
const DURABLES = HANDLERS.map((handler) => `wide-${handler}`);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string[];
let published = 0;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = [scene.folder({ 'wide.plugin.ts': WIDE })];
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins });
const edit = async (changes: object): Promise<void> => {
  for (const durable of DURABLES) await editDurable(nats, 'EVENTS', durable, changes);
};
const configs = (): Promise<Record<string, unknown>[]> =>
  Promise.all(DURABLES.map((durable) => durableConfig(nats, 'EVENTS', durable)));
/** Whether the host has corrected the filters to the subjects of the handlers. */
const corrected = async (): Promise<boolean> =>
  (await configs()).every(
    ({ filter_subject, max_deliver }) => filter_subject === 'video.wide.>' && Number(max_deliver) <= 0,
  );

interface Sent {
  readonly n: number;
  readonly subject: string;
}
/** Publishes this many events on these subjects in turn, each followed by an event that no handler takes. */
async function publish(count: number, subjects: readonly string[], more: object = {}): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let i = 0; i < count; i++) {
    const n = ++published;
    const subject = `video.wide.${subjects[i % subjects.length]}`;
    await nats.jetstream().publish(subject, JSON.stringify({ n, ...more }));
    await nats.jetstream().publish('video.elsewhere', '{}');
    sent.push({ n, subject });
  }
  return sent;
}
const runsOf = (hosts: readonly TestHost[], { n }: Sent, handler: string): number =>
  hosts.flatMap((host) => host.logged('ran')).filter((line) => line['n'] === n && line['handler'] === handler).length;
const on = (subject: string, events: readonly Sent[]): Sent[] => events.filter((event) => event.subject === subject);
const haveRun = (hosts: readonly TestHost[], events: readonly Sent[]): boolean =>
  events.every((event) => HANDLERS.every((handler) => runsOf(hosts, event, handler) > 0));
/** Every event that was published so far is in the store, and was counted once by each handler. */
async function expectAllOnce(): Promise<void> {
  const names = Array.from({ length: published }, (_, i) => HANDLERS.map((handler) => `${handler}-${i + 1}`)).flat();
  await eventually(async () => Object.keys(await readStore(nats, 'wide')).length === names.length, 20_000);
  expect(await readStore(nats, 'wide')).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
}

describe('while a host runs', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await start();
    // Waits for a first correction: the next check is 5 s after it, so the rest of the test runs between two checks.
    await edit({ filter_subject: 'video.wide.a' });
    await eventually(corrected);
  });
  afterAll(() => host.stop());

  test.each([
    ['narrowed to one subject', { filter_subject: 'video.wide.a' }, 60],
    ['narrowed to one subject, with more events than the record keeps ranges', { filter_subject: 'video.wide.a' }, 300],
    ['narrowed to two subjects', { filter_subject: undefined, filter_subjects: ['video.wide.a', 'video.wide.c'] }, 60],
    ['moved, so that it takes other events too', { filter_subjects: ['video.wide.a', 'video.elsewhere'] }, 60],
  ])(
    'a filter that is %s skips no event, and each event is handled once',
    async (_what, filter, count) => {
      await publish(5, ['a', 'b']);
      await expectAllOnce();
      await edit({ filter_subject: undefined, ...filter });
      const sent = await publish(count, ['a', 'b', 'c']);
      await eventually(() => haveRun([host], on('video.wide.a', sent)));
      await eventually(corrected, 15_000);
      await publish(5, ['a', 'b']);
      await expectAllOnce();
      for (const event of sent) for (const handler of HANDLERS) expect(runsOf([host], event, handler)).toBe(1);
    },
    40_000,
  );

  test('with max_deliver set, no event is given up, though many others are handled', async () => {
    await edit({ max_deliver: 1 });
    for (let i = 0; i < 150; i++) {
      await publish(1, ['a'], { weak: true });
      await publish(2, ['a', 'b']);
    }
    // The server has given up the events with `weak`: its ack floor passes them with the next event.
    await eventually(async () => (await durableInfo(nats, 'EVENTS', 'wide-one')).num_ack_pending === 0);
    await publish(5, ['a']);
    await eventually(corrected, 15_000);
    await expectAllOnce();
  }, 40_000);
});

test('with two hosts, of which either corrects the filter, each event is counted once', async () => {
  const hosts = [await start(), await start()];
  for (const filter_subject of ['video.wide.a', 'video.wide.b']) {
    await edit({ filter_subject });
    const sent = await publish(100, ['a', 'b']);
    await eventually(() => haveRun(hosts, on(filter_subject, sent)));
    await eventually(corrected, 15_000);
    await publish(5, ['a', 'b']);
    await expectAllOnce();
  }
  for (const host of hosts) await host.stop();
}, 60_000);

test('with the host killed before it corrects the filter, the next host handles the skipped events', async () => {
  const host = await start();
  await edit({ filter_subject: 'video.wide.a' });
  const sent = await publish(40, ['a', 'b']);
  await eventually(() => haveRun([host], on('video.wide.a', sent)));
  await host.kill();
  await publish(5, ['a', 'b']);
  const next = await start();
  await expectAllOnce();
  await next.stop();
}, 60_000);
