import { RequestStrategy, type JetStreamManager, type NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import { laterRelease, type RecordName } from '../support/later-release';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStore } from '../support/stored';

const COUNTED = pluginSource(
  'CountedPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.seen', { from: 'beginning' })
  async count(event: any) {
    await this.counts.update(event.user, (n = 0) => n + 1);
  }
  @Subscribe('video.seen', { from: 'beginning', key: 'user' })
  async ordered(event: any) {
    await this.counts.update('keyed-' + event.user, (n = 0) => n + 1);
  }`,
);
const PLAIN = pluginSource(
  'PlainPlugin',
  `  @Subscribe('video.seen', { from: 'beginning' })
  async see(event: any, context: EventContext) {
    context.log.info('seen', { n: event.n });
  }`,
);
const OTHER = PLAIN.replace('PlainPlugin', 'OtherPlugin').replace('async see', 'async look');

let scene: Scene;
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let published: number;

beforeEach(async () => {
  scene = new Scene();
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  published = 0;
});
afterEach(() => scene.end());

const plugins = (...sources: readonly string[]): string[] => [
  scene.folder(Object.fromEntries(sources.map((source, i) => [`p${i}.plugin.ts`, source]))),
];

const later = (...records: readonly RecordName[]): string => laterRelease(scene.folder(), records);

async function publish(count: number): Promise<void> {
  for (const end = published + count; published < end; published++) {
    await nats.jetstream().publish('video.seen', JSON.stringify({ user: `u${published % 4}`, n: published }));
  }
}

interface Shown {
  readonly plugin: string;
  readonly state: string;
  readonly error?: { readonly code: string };
  readonly handlers: readonly { handler: string; state: string; waitsFor?: string; reason?: string; handled: number }[];
}

/** Asks the host that has the plugin `other` for the status of its plugins. */
async function shownByOlder(): Promise<readonly Shown[]> {
  const answers = await nats.requestMany('jetplug.plugins', '', {
    maxWait: 2_000,
    strategy: RequestStrategy.JitterTimer,
  });
  for await (const answer of answers) {
    const shown = answer.json<Shown[]>();
    if (shown.some(({ plugin }) => plugin === 'other')) return shown;
  }
  throw new Error('the older host has not answered');
}

async function stored(bucket: string, key: string): Promise<string> {
  return (await (await nats.jetstream().views.kv(bucket, { bindOnly: true })).get(key))!.string();
}

const expected = (): Record<string, number> =>
  Object.fromEntries(
    ['u0', 'u1', 'u2', 'u3'].flatMap((user) => [
      [user, published / 4],
      [`keyed-${user}`, published / 4],
    ]),
  );

test('a host leaves the plugins to a later release whose commits and settled events it cannot read, and runs the others', async () => {
  const newer = await scene.host({
    server,
    main: later('commit', 'checkpoint', 'settled', 'attempts', 'circuit', 'contracts', 'generation', 'presence'),
    plugins: plugins(COUNTED, PLAIN),
  });
  await publish(40);
  await allSettled(jsm, ['EVENTS']);
  const generation = await stored('jetplug', 'generation');
  const contracts = await stored('jetplug', 'contracts.counted');

  const older = await scene.host({ server, plugins: plugins(COUNTED, PLAIN, OTHER) });
  const failed = await eventually(async () => {
    const shown = await shownByOlder();
    expect(shown.find(({ plugin }) => plugin === 'other')!.handlers[0]!.handled).toBe(40);
    return shown.filter(({ state }) => state === 'failed');
  }, 30_000);
  expect(failed.map(({ plugin, error }) => [plugin, error?.code])).toEqual([
    ['counted', 'JP_LOG_UNREADABLE'],
    ['plain', 'JP_RECORD_NEWER'],
  ]);
  await publish(40);
  await allSettled(jsm, ['EVENTS']);
  expect(newer.logged('seen')).toHaveLength(80);
  expect(older.logged('seen')).toHaveLength(80); // those of the plugin that only this host has
  expect(await readStore(nats, 'counted')).toEqual(expected());
  expect(await stored('jetplug', 'generation')).toBe(generation);
  expect(await stored('jetplug', 'contracts.counted')).toBe(contracts);
  expect(JSON.parse(generation)).toMatchObject({ format: 2 });
  expect(await older.stop()).toBe(0);
}, 120_000);

test('a running host stands aside for a later release, and shows why', async () => {
  const older = await scene.host({ server, plugins: plugins(COUNTED, PLAIN, OTHER) });
  await publish(40);
  await allSettled(jsm, ['EVENTS']);
  const newer = await scene.host({
    server,
    main: later('commit', 'checkpoint', 'settled', 'contracts', 'generation'),
    plugins: plugins(COUNTED, PLAIN),
  });
  const shown = await eventually(async () => {
    await publish(4);
    const all = await shownByOlder();
    const waiting = all.flatMap(({ plugin, handlers }) =>
      handlers.map(({ handler, waitsFor }) => [`${plugin}.${handler}`, waitsFor]),
    );
    expect(Object.fromEntries(waiting)).toEqual({
      'counted.count': 'log',
      'counted.ordered': 'log',
      'plain.see': 'refused',
      'other.look': undefined,
    });
    return all;
  }, 60_000);
  const reasons = shown.flatMap(({ handlers }) => handlers.map(({ reason }) => reason));
  expect(reasons.join()).toContain('its format is 2; this host reads format 1');
  expect(reasons.join()).toContain('the record settled.plain-see in the bucket jetplug has format 2');
  await allSettled(jsm, ['EVENTS']);
  const before = newer.logged('seen').length;
  await publish(40);
  await allSettled(jsm, ['EVENTS']);
  expect(newer.logged('seen')).toHaveLength(before + 40);
  expect(await readStore(nats, 'counted')).toEqual(expected());
  expect(JSON.parse(await stored('jetplug', 'settled.plain-see'))).toMatchObject({ format: 2 });
  expect(await older.stop()).toBe(0);
}, 120_000);

test('a host does not start on streams that a later release has set up in a way of its own, and changes nothing', async () => {
  await scene.host({ server, main: later('mark'), plugins: plugins(PLAIN) });
  const configs = async (): Promise<unknown> => [
    (await jsm.streams.info('EVENTS')).config,
    (await jsm.consumers.info('EVENTS', 'plain-see')).config,
  ];
  const before = await configs();
  await expect(scene.host({ server, plugins: plugins(PLAIN) })).rejects.toThrow('JP_RECORD_NEWER');
  const [folder] = plugins(OTHER);
  const applied = await jetplug(['apply', '--servers', server.url, '--plugins', folder!, '--prune', '--yes']);
  expect([applied.code, applied.stderr]).toEqual([1, expect.stringContaining('JP_RECORD_NEWER')]);
  expect(await configs()).toEqual(before);
}, 60_000);

test('commands of an earlier release refuse the answers, letters, runs and audit entries of a later one by name', async () => {
  const failing = PLAIN.replace("context.log.info('seen', { n: event.n });", "throw new Reject('bad');");
  const newer = await scene.host({ server, main: later('api', 'letter', 'audit', 'runs'), plugins: plugins(failing) });
  await publish(1);
  await eventually(async () => (await jsm.streams.info('DEAD')).state.messages === 1, 20_000);
  for (const command of [['plugins'], ['dead', 'list'], ['dead', 'drop', '1'], ['dead', 'redrive', '1']]) {
    const { code, stderr } = await jetplug([...command, '--servers', server.url]);
    expect([command, code, stderr]).toEqual([command, 1, expect.stringContaining('JP_RECORD_NEWER')]);
  }
  expect((await jsm.streams.info('DEAD')).state.messages).toBe(1);
  expect(newer.logged('seen')).toHaveLength(0);
}, 60_000);
