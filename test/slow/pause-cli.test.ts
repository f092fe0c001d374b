import type { NatsConnection } from 'nats';
import { jetplug, type CliResult } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { askApi, durableConfig, durableInfo } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const PLUGIN = pluginSource(
  'ShopPlugin',
  `  @Subscribe('video.sold', { from: 'beginning' })
  sell(event: any, context: EventContext) {
    context.log.info('ran', { n: event.n });
    if (event.bad) throw new Reject('bad');
  }
  @Subscribe('video.counted', { durable: 'counter' })
  count() {}`,
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let host: TestHost;
let folder: string;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder({ 'shop.plugin.ts': PLUGIN });
  host = await scene.host({ server, plugins: [folder] });
  await publish({ n: 1, bad: true });
  await eventually(async () => (await storedLetters(nats)).length === 1);
  await host.stop();
});
afterAll(() => scene.end());

const run = (...args: string[]): Promise<CliResult> => jetplug([...args, '--servers', server.url, '--json']);
const publish = async (event: object): Promise<void> => {
  await nats.jetstream().publish('video.sold', JSON.stringify(event));
};
const ran = (n: number): number => host.logged('ran').filter((line) => line['n'] === n).length;
const pauseOf = async (stream: string, durable: string): Promise<unknown> => {
  const { paused } = (await durableInfo(nats, stream, durable)) as { paused?: boolean };
  return paused === true ? (await durableConfig(nats, stream, durable))['pause_until'] : undefined;
};
const FAR = '9999-12-31T00:00:00Z';
const END = '2990-05-12T19:00:00Z';

test('with no host a handler is paused, also its retry queue that a redrive creates later, and no other durable', async () => {
  const foreign = { durable_name: 'shop-other', ack_policy: 'explicit' };
  await askApi(nats, 'CONSUMER.CREATE.EVENTS.shop-other', { stream_name: 'EVENTS', action: 'create', config: foreign });
  await publish({ n: 2 });
  const paused = await run('pause', 'shop.sell');
  expect([paused.code, paused.json()]).toEqual([
    0,
    [
      {
        plugin: 'shop',
        handler: 'sell',
        paused: true,
        changed: true,
        pausedUntil: '9999-12-31T00:00:00.000Z',
        pending: 1,
        inFlight: 0,
        deferred: 0,
        durables: [{ stream: 'EVENTS', durable: 'shop-sell' }],
      },
    ],
  ]);
  expect((await run('dead', 'redrive', '--all')).code).toBe(0);
  expect(await pauseOf('EVENTS', 'shop-sell')).toBe(FAR);
  expect(await pauseOf('RETRY', 'shop--sell')).toBe(FAR);
  expect(await pauseOf('EVENTS', 'counter')).toBeUndefined();
  expect(await pauseOf('EVENTS', 'shop-other')).toBeUndefined();
});

test('a handler that is paused already is reported, and another end replaces the first one', async () => {
  expect((await run('pause', 'shop.sell')).json()).toMatchObject([
    { changed: false, pausedBefore: expect.any(String) },
  ]);
  const longer = await run('pause', 'shop', '--until', END);
  expect(longer.json()).toMatchObject([
    { handler: 'count', changed: true, durables: [{ durable: 'counter' }] },
    { handler: 'sell', changed: true, deferred: 1, durables: [{ durable: 'shop-sell' }, { durable: 'shop--sell' }] },
  ]);
  expect([await pauseOf('EVENTS', 'counter'), await pauseOf('RETRY', 'shop--sell')]).toEqual([END, END]);
  const text = await jetplug(['pause', 'shop', '--servers', server.url]);
  expect(text.stdout).toMatch(
    /^shop\.sell +paused until resumed \(it was paused until 2990-05-12T19:00:00Z\) +1 pending/m,
  );
});

test('a deploy that updates the durable in place does not resume it, and the host shows the pause', async () => {
  host = await scene.host({ server, plugins: [folder], config: { delivery: { ackWait: '9s' } } });
  expect(host.logged('the settings of a durable consumer are corrected').map(({ changes }) => changes)).toContainEqual([
    'ack_wait: 15 s → 9 s',
  ]);
  expect(await durableConfig(nats, 'EVENTS', 'shop-sell')).toMatchObject({ ack_wait: 9e9, pause_until: FAR });
  expect(await (await fetch(`${host.url}/readyz`)).json()).toMatchObject({
    status: 'not ready',
    reasons: [expect.stringContaining('durable shop-sell is paused on the server until resumed')],
  });
  const [shop] = await ask(nats);
  expect(shop).toMatchObject({ state: 'paused' });
  const sell = shop!.handlers.find(({ handler }) => handler === 'sell')!;
  expect(sell).toMatchObject({ state: 'paused', pending: 1, pausedUntil: '9999-12-31T00:00:00.000Z' });
  expect(sell).not.toHaveProperty('pauseRemainingMs');
  const shown = await jetplug(['plugins', '--servers', server.url]);
  expect(shown.stdout).toContain('paused until resumed');
  expect(shown.stdout).toContain('`npx jetplug resume shop.sell` resumes it');
  expect([ran(1), ran(2)]).toEqual([0, 0]);
});

test('after the resume the waiting and the redriven event are handled, and a second resume changes nothing', async () => {
  expect((await run('resume', 'shop')).json()).toMatchObject([
    { handler: 'count', paused: false, changed: true },
    { handler: 'sell', paused: false, changed: true, pausedBefore: '9999-12-31T00:00:00.000Z' },
  ]);
  await eventually(() => ran(1) === 1 && ran(2) === 1, 10_000);
  const again = await jetplug(['resume', 'shop.sell', '--servers', server.url]);
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('is not paused')]);
});

test('an unknown name gets the most similar one, and a durable without the mark is refused', async () => {
  const plugin = await run('pause', 'shpo');
  expect([plugin.code, plugin.errors()]).toEqual([
    1,
    [expect.objectContaining({ code: 'JP_NOT_FOUND', message: expect.stringContaining('did you mean shop?') })],
  ]);
  expect((await run('pause', 'shop.other')).errors()).toEqual([
    expect.objectContaining({
      code: 'JP_CONSUMER_FOREIGN',
      message: 'durable shop-other on stream EVENTS has no mark, so it is not changed',
    }),
  ]);
});
