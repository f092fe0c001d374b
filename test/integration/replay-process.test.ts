/** One process runs handlers for events, each with a store of its own, and returns the effects. No server runs. */
import { join, resolve } from 'node:path';
import type { EffectRun, Effects } from '../../host/replay/effect-run';
import { ReplayProcess } from '../../host/replay/replay-process';
import type { LoadedHandler, ReplayTarget } from '../../host/replay/replay-protocol';
import { configOf } from '../../host/testing/options';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const PROGRAM = resolve(__dirname, '../../dist/host/replay/replay-main.js');

const STORED_AT = '2026-05-12T12:00:00.000Z';
const STARTS_AT = '2026-05-12T12:00:01.000Z';

const SHOP = pluginSource(
  'ShopPlugin',
  `  constructor(
    private readonly values: Store<any>,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}
  async onStart() {
    await this.values.update('started', () => 1);
    this.log.info('started');
  }
  @Subscribe('video.context', { key: 'user' })
  see(event: any, { attempt, subject, stream, sequence, time, headers, log }: EventContext) {
    log.info('seen', { event, attempt, subject, stream, sequence, time, headers, now: this.clock.now() });
  }
  @Subscribe('video.bought')
  async buy({ user }: any, context: EventContext) {
    await this.values.update(user, (n = 0) => n + 1);
    await this.values.delete('gone');
    await this.values.update('same', () => 'same');
    await this.values.scope<string>('names').update('x y', () => 'z');
    await this.events.publish('badge.bought', { user });
    context.afterCommit(async () => this.events.publish('badge.told', { user }));
  }
  @Subscribe('video.keys')
  async list() { this.log.info((await this.values.keys()).join()); }
  @Subscribe('video.parts')
  async parts() {
    await this.values.update('part', () => 1);
    await this.values.commit();
    await this.values.update('rest', () => 1);
    throw new Error('late'); // LATE
  }
  @Subscribe('video.rejected') reject() { throw new Reject('no such user'); }
  @Subscribe('video.postponed') postpone() { throw new RetryLater('2m', 'closed'); }
  @Subscribe('video.slow', { timeout: '20ms' })
  async slow(_: any, { signal }: EventContext) {
    await new Promise((done) => { setTimeout(done, 400); signal.addEventListener('abort', done); });
  }
  @Subscribe('video.elsewhere') async elsewhere() { await this.events.publish('other.sold', {}); }
  @Subscribe(VideoWatchStarted, { batch: { size: 10, wait: '10ms' } })
  async many(events: VideoWatchStarted[]) { this.log.info('many', { n: events.length }); }`,
);

const scene = new Scene();
const folder = scene.folder({ 'shop.plugin.ts': SHOP, 'broken.plugin.ts': 'export class {' });
const file = join(folder, 'shop.plugin.ts');
const { nats: _, ...defaults } = configOf({});
const streams = [{ ...defaults.streams[0]!, name: 'EVENTS', subjects: ['video.>', 'badge.>'] }];
let replay: ReplayProcess;

beforeAll(() => {
  replay = ReplayProcess.start({ config: { ...defaults, streams }, allowsNetwork: false }, PROGRAM);
});
afterAll(async () => {
  await replay.stop();
  await scene.end();
});

const load = (subject: string, more: Partial<ReplayTarget> = {}): Promise<LoadedHandler> =>
  replay.load({ files: [file], plugin: 'shop', subject, ...more });

const runOf = (subject: string, fields: object, store: EffectRun['store'] = []): EffectRun => ({
  event: {
    ...{ stream: 'EVENTS', sequence: 42, subject, storedAtMs: Date.parse(STORED_AT) },
    headers: { 'Nats-Msg-Id': 'e42', 'x-hops': '2' },
    payload: Buffer.from(JSON.stringify(fields)).toString('base64'),
  },
  store,
  startsAtMs: Date.parse(STARTS_AT),
});

const effectsOf = async (subject: string, fields: object = {}, store: EffectRun['store'] = []): Promise<Effects> =>
  replay.run(runOf(subject, fields, store), await load(subject));

const linesOf = ({ log }: Effects) => log.map(({ level, message }) => `${level} ${message}`);

test('a run sees the event with its place, time and headers, as the first attempt, at the given time', async () => {
  const { outcome, log } = await effectsOf('video.context', { user: 'u1' });
  expect(outcome).toBe('handled');
  const { now, ...fields } = log.find(({ message }) => message === 'seen')!.fields;
  expect(fields).toMatchObject({
    event: { event_id: 'e42', event_type: 'video.context', timestamp: STORED_AT, user: 'u1' },
    ...{ attempt: 1, subject: 'video.context', stream: 'EVENTS', sequence: 42, time: STORED_AT },
    headers: { 'Nats-Msg-Id': 'e42', 'x-hops': '2' },
  });
  expect(Date.parse(now as string) - Date.parse(STARTS_AT)).toBeGreaterThanOrEqual(0);
  expect(Date.parse(now as string) - Date.parse(STARTS_AT)).toBeLessThan(20_000);
});

test('the effects of a handled event are its changes, its events and its lines, with those of afterCommit', async () => {
  const store: EffectRun['store'] = [
    ['u1', '4'],
    ['gone', '"x"'],
    ['same', '"same"'],
  ];
  const effects = await effectsOf('video.bought', { user: 'u1' }, store);
  expect(effects).toMatchObject({
    ...{ outcome: 'handled', verdict: 'settled', hasAfterCommit: true, logLeft: 0 },
    changes: [
      { key: 'u1', before: '4', after: '5' },
      { key: 'gone', before: '"x"', after: null },
      { key: 'names=.x=20y', before: null, after: '"z"' },
    ],
    events: [
      { subject: 'badge.bought', headers: { 'x-hops': '3', 'x-causation-id': 'e42' } },
      { subject: 'badge.told', headers: {} },
    ],
  });
  expect(linesOf(effects)).toEqual(['info started']);
});

test('each run of a plugin has the given store alone, and derives the same ids', async () => {
  const handler = await load('video.bought');
  const runs: Effects[] = [];
  for (const text of ['1', '7', '1']) {
    runs.push(await replay.run(runOf('video.bought', { user: 'u1' }, [['u1', text]]), handler));
  }
  expect(runs.map(({ changes }) => changes[0])).toEqual([
    { key: 'u1', before: '1', after: '2' },
    { key: 'u1', before: '7', after: '8' },
    { key: 'u1', before: '1', after: '2' },
  ]);
  expect(new Set(runs.map(({ events }) => events[0]!.id)).size).toBe(1);
});

test('a handler that lists the keys sees those of the store, and those of the start', async () => {
  const { log } = await effectsOf('video.keys', {}, [['a=20b', '1']]);
  expect(log.at(-1)!.message.split(',').sort()).toEqual(['a b', 'started']);
});

test('a run that fails has the changes of its commit points only, and the error with its line', async () => {
  const { outcome, verdict, delayMs, changes, events, error } = await effectsOf('video.parts');
  expect({ outcome, verdict, changes, events }).toEqual({
    ...{ outcome: 'failed', verdict: 'retried', events: [] },
    changes: [{ key: 'part', before: null, after: '1' }],
  });
  expect(delayMs).toBeGreaterThan(0);
  expect(error).toMatchObject({ name: 'Error', message: 'late' });
  expect(error!.stack).toContain(`(${file}:${lineOf(SHOP, '// LATE')}:`);
});

test.each([
  ['video.rejected', { outcome: 'rejected', verdict: 'dead-lettered', reason: 'rejected' }],
  ['video.postponed', { outcome: 'postponed', verdict: 'retried', delayMs: 120_000 }],
  ['video.slow', { outcome: 'timed-out', verdict: 'retried', error: { code: 'JP_HANDLER_TIMEOUT' } }],
  ['video.elsewhere', { outcome: 'failed', error: { code: 'JP_PUBLISH_NO_STREAM' } }],
])('an event of %s has the outcome that it has in a host', async (subject, expected) => {
  expect(await effectsOf(subject)).toMatchObject({ ...expected, changes: [], events: [] });
});

test('a handler of batches gets a batch of one, and an invalid event does not reach it', async () => {
  const handled = await effectsOf('video.watch_started', { user_id: 'u1', video_id: 'v1' });
  expect([handled.outcome, handled.log.at(-1)!.fields]).toEqual(['handled', { n: 1 }]);
  const invalid = await effectsOf('video.watch_started', { user_id: 7 });
  expect(invalid).toMatchObject({ outcome: 'invalid', verdict: 'dead-lettered', reason: 'schema' });
  expect(linesOf(invalid)).toEqual(['info started']);
});

test('a loaded handler has its place, its version and its timeout', async () => {
  expect(await load('video.slow')).toEqual({
    ...{ plugin: 'shop', handler: 'slow', timeoutMs: 20, version: expect.stringMatching(/^\w+$/) as string },
    where: { file, line: lineOf(SHOP, 'async slow') },
  });
});

test.each([
  ['a plugin that is not there', { plugin: 'shp' }, 'JP_NOT_FOUND', /no plugin "shp" .*; did you mean shop\?$/],
  ['a handler that is not there', { handler: 'x' }, 'JP_NOT_FOUND', /^shop has no handler x$/],
  ['a handler of another subject', { handler: 'slow' }, 'JP_USAGE', /^shop\.slow does not take .* video\.context$/],
])('%s is refused, and the error names those that there are', async (_what, more, code, message) => {
  await expect(load('video.context', more)).rejects.toMatchObject({
    ...{ code, message: expect.stringMatching(message) as string },
    hint: expect.stringMatching(/shop/) as string,
  });
});

test('a file that does not compile matters only if it is named like the plugin', async () => {
  const files = [join(folder, 'broken.plugin.ts'), file];
  expect(await load('video.slow', { files })).toMatchObject({ handler: 'slow' });
  await expect(load('video.slow', { files, plugin: 'broken' })).rejects.toMatchObject({
    ...{ code: 'JP_PLUGIN_SYNTAX', file: files[0] },
  });
});
