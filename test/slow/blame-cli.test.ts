/** `blame` and `store --at` show the history of a store from its commit log, exactly, and change nothing. */
import type { JetStreamManager, NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import { momentAfter } from '../../host/records/history/event-moments';
import { storeAt } from '../../host/records/history/store-at';
import { jetplug, type CliResult } from '../support/cli';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { deadLettered, handled } from '../support/story';

const UPDATES = 200;
const KEYS = ['k0', 'k1', 'k2', 'k3'];
const HANDLERS = ['add', 'move', 'tidy'];

/** Each value names the run that made it. The key `total` has one of each run, in the order of the commits. */
const SHOP = pluginSource(
  'ShopPlugin',
  `  constructor(private readonly values: Store<any>) {}
  private async make(by: string, { key, fails, event_id }: any, { attempt, sequence }: EventContext) {
    const made = { key, by, attempt, sequence, id: event_id };
    const { total } = await this.values.update('total', (before) => ({ ...made, total: (before?.total ?? 0) + 1 }));
    await this.values.update(key, () => ({ ...made, total }));
    if (fails === 'once' && attempt === 1) throw new Error('once');
    if (fails === 'always') throw new Reject('always');
  }
${HANDLERS.map(
  (name) => `  @Subscribe('video.${name}', { retry: { attempts: 3, backoff: ['10ms'] } })
  async ${name}(event: any, context: EventContext) { await this.make('${name}', event, context); }`,
).join('\n')}
  @Subscribe('video.look')
  async look() { await this.values.get('total'); }`,
);

interface Made {
  readonly key: string;
  readonly by: string;
  readonly attempt: number;
  readonly sequence: number;
  readonly id: string;
  readonly total: number;
}
interface Blame {
  readonly values: readonly { readonly time: string; readonly value: Made; readonly version: string }[];
  readonly more: boolean;
  readonly complete: boolean;
  readonly historySince: string;
  readonly notTakenUp?: object;
}

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let connection: Connection;
let jsm: JetStreamManager;
let host: TestHost;
/** The values that the handlers have made, in the order of their commits. */
let made: (Made & { readonly time: string })[];

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  connection = await scene.connection(server);
  const plugins = scene.folder({ 'shop.plugin.ts': SHOP });
  host = await scene.host({ server, plugins: [plugins] });
  let failing = 0;
  for (let n = 0; n < UPDATES + failing; n++) {
    const fails = n % 7 === 3 ? 'once' : n % 11 === 5 ? 'always' : undefined;
    if (fails === 'always') failing++;
    const event = { key: KEYS[n % KEYS.length], fails, event_id: `id-${n}` };
    nats.publish(`video.${HANDLERS[n % 3]}`, JSON.stringify(event));
  }
  nats.publish('video.look', JSON.stringify({ event_id: 'looked' }));
  await eventually(async () => {
    const [done, dead] = [await handled(host), await deadLettered(host)];
    const count = (of: Record<string, number>) => HANDLERS.reduce((sum, name) => sum + (of[`shop.${name}`] ?? 0), 0);
    return count(done) === UPDATES && count(dead) === failing && done['shop.look'] === 1;
  }, 30_000);
  expect(await host.stop()).toBe(0);
}, 60_000);
afterAll(() => scene.end());

const run = (...args: string[]): Promise<CliResult> => jetplug([...args, '--servers', server.url]);
const asJson = (...args: string[]): Promise<CliResult> => run(...args, '--json');

async function blamed(key: string, ...flags: string[]): Promise<Blame> {
  const result = await asJson('blame', 'shop', key, ...flags);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return result.json();
}

/** The values after the first runs, as `store --json` shows them. */
function valuesAfter(runs: number): { key: string; value: Made }[] {
  const values = new Map<string, Made>();
  for (const { time: _, ...value } of made.slice(0, runs)) values.set(value.key, value).set('total', value);
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
}

async function messages(): Promise<object> {
  const names = ['LOG_jetplug-shop', 'KV_jetplug-shop', 'EVENTS'];
  return Promise.all(names.map(async (name) => (await jsm.streams.info(name)).state));
}

test('blame lists exactly the values of a key, newest first, with the event, handler and attempt of each', async () => {
  const [total, k1] = await Promise.all([blamed('total', '--limit', 'all'), blamed('k1', '--limit', '20')]);
  made = total.values.map(({ value, time }) => ({ ...value, time })).reverse();
  expect(made.map((value) => value.total)).toEqual(Array.from({ length: UPDATES }, (_, i) => i + 1));
  expect(new Set(made.map(({ by }) => by))).toEqual(new Set(HANDLERS));
  expect(made.filter(({ attempt }) => attempt === 2).length).toBeGreaterThan(20);
  for (const { values } of [total, k1]) {
    for (const { value, ...change } of values) {
      const { by: handler, attempt, sequence, id } = value;
      const event = { stream: 'EVENTS', sequence, id };
      expect(change).toMatchObject({ by: 'handler', handler, attempt, event, version: expect.stringMatching(/./) });
    }
  }
  const ofK1 = made.filter(({ key }) => key === 'k1').map(({ time: _, ...value }) => value);
  expect(k1.values.map(({ value }) => value)).toEqual(ofK1.slice(-20).reverse());
  expect([total, k1].map(({ more, complete }) => ({ more, complete }))).toEqual([
    { more: false, complete: true },
    { more: true, complete: false },
  ]);
}, 30_000);

test('store --at shows the values just after an event, and at a time, and changes nothing', async () => {
  const created: string[] = [];
  const advisories = nats.subscribe('$JS.EVENT.ADVISORY.CONSUMER.CREATED.>', {
    callback: (_, { subject }) => created.push(subject),
  });
  const before = await messages();
  const [byId, byPlace] = [made[70]!, made[171]!];
  const { time } = made[120]!;
  const moments = [byId.id, `EVENTS:${byPlace.sequence}`, time];
  const shown = await Promise.all(moments.map((at) => asJson('store', 'shop', '--at', at)));
  expect(shown.map(({ code, stderr }) => ({ code, stderr }))).toEqual(moments.map(() => ({ code: 0, stderr: '' })));
  const atTime = made.filter((value) => value.time <= time).length;
  const counts = [byId.total, byPlace.total, atTime];
  expect(shown.map((result) => result.json())).toEqual(counts.map(valuesAfter));
  expect(await messages()).toEqual(before);
  advisories.unsubscribe();
  expect(created).toEqual([]);
}, 30_000);

test('the store after an event is exact at twenty points', async () => {
  const log = (await JetStreamLog.find(connection, 'shop'))!;
  const bucket = Bucket.at(connection, 'jetplug-shop');
  for (let i = 0; i < 20; i++) {
    const { id, total, attempt } = made[i * 10 + (i % 10)]!;
    const { moment, origin } = (await momentAfter(log, { id }))!;
    const { texts, unknown } = await storeAt(log, bucket, moment);
    const values = [...texts].map(([key, text]) => ({ key, value: JSON.parse(text) as Made }));
    expect(values.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(valuesAfter(total));
    expect({ attempt: origin.attempt, unknown }).toEqual({ attempt, unknown: [] });
  }
});

test('the screens name the moment and the end of the history', async () => {
  const { id, sequence, by, attempt, key } = made[99]!;
  const [at, { stdout }] = await Promise.all([
    run('store', 'shop', key, '--at', id),
    run('blame', 'shop', key, '--limit', '2'),
  ]);
  const event = `EVENTS:${sequence} (id ${id})`;
  expect(at.stderr).toContain(`just after shop.${by} (attempt ${attempt}) has committed event ${event} at 20`);
  expect(at.stdout).toMatch(/^k\d {2}\{"key":.*"total":100\}\n$/);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]!.split(/ {2,}/)).toEqual(['time', 'handler', 'version', 'attempt', 'event', 'event id', 'value']);
  expect(lines.slice(1, 3).every((line) => / EVENTS:\d+ +id-\d+ +\{"key"/.test(line))).toBe(true);
  expect(lines.slice(3)).toEqual(['There are earlier values: --limit 100 shows more, and --limit all shows all.']);
});

test('changes by a command and by another program, and removals, are named', async () => {
  for (const change of [['--set', '"a\\u001b[2J"'], ['--delete']]) await run('store', 'shop', 'mine', ...change);
  const kv = await nats.jetstream().views.kv('jetplug-shop');
  await kv.put('mine', 'no JSON\u001b[2J');
  const [{ values, notTakenUp, complete }, { stdout }] = await Promise.all([
    blamed('mine'),
    run('blame', 'shop', 'mine'),
  ]);
  expect(values).toEqual([
    expect.objectContaining({ by: 'cli', deleted: true }),
    expect.objectContaining({ by: 'cli', value: 'a\u001b[2J' }),
  ]);
  expect({ notTakenUp, complete }).toEqual({ notTakenUp: { text: 'no JSON\u001b[2J' }, complete: true });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[1]).toMatch(/jetplug store .*\(deleted\)$/);
  expect(lines[2]).toContain('"a\\u001b[2J"');
  expect(lines.slice(3)).toEqual([
    'The key had no value before.',
    'No host has taken up the change of another program in the bucket: "no JSON\\u001b[2J"',
  ]);
});

test('names of keys, events and plugins without a history are refused', async () => {
  const cases: [args: string[], code: string, message: string][] = [
    [['blame', 'shp', 'k1'], 'JP_NOT_FOUND', 'did you mean shop?'],
    [
      ['blame', 'shop', 'k1', '--scope', 'x'],
      'JP_NOT_FOUND',
      'no value for "k1" in scope "x", now or earlier; the log of shop has all its commits',
    ],
    [['store', 'shop', '--at', 'looked'], 'JP_NOT_FOUND', 'no commit of an event "looked"; the log of shop has all'],
    [['store', 'shop', 'k1', '--at', '2020-01-01'], 'JP_NOT_FOUND', 'had no value for "k1" at 2020-01-01T00:00:00'],
  ];
  const results = await Promise.all(cases.map(([args]) => asJson(...args)));
  expect(results.map((result) => [result.code, result.stdout, ...result.errors()])).toEqual(
    cases.map(([, code, message]) => [1, '', objectWith(code, message)]),
  );
});

test('where the history was cut, the commands say so', async () => {
  const since = made[150]!.time;
  const { last_seq } = (await jsm.streams.info('LOG_jetplug-shop')).state;
  // The two commits of the changes of `mine` stay.
  await jsm.streams.purge('LOG_jetplug-shop', { seq: last_seq - 1 });
  const [{ values, complete, historySince }, early, screen] = await Promise.all([
    blamed('total'),
    asJson('store', 'shop', '--at', since),
    run('blame', 'shop', 'total'),
  ]);
  expect(values).toEqual([{ beforeHistory: true, value: valuesAfter(UPDATES).at(-1)!.value }]);
  expect({ complete, isLater: historySince > since }).toEqual({ complete: false, isLater: true });
  expect(early.errors()).toEqual([
    objectWith('JP_HISTORY_ENDED', `the history of shop is kept from ${historySince} on; ${since} is before that`),
  ]);
  const lines = screen.stdout.trimEnd().split('\n');
  expect(lines[1]).toMatch(new RegExp(`^before ${historySince} .*"total":200\\}$`));
  expect(lines[2]).toBe(`The history of shop begins at ${historySince}; the bucket has the value from before.`);
  const then = (await asJson('store', 'shop', '--at', historySince)).json<{ key: string }[]>();
  expect(then.map(({ key }) => key)).toEqual([...KEYS, 'mine', 'total']);
});

function objectWith(code: string, message: string): object {
  return expect.objectContaining({ code, message: expect.stringContaining(message) }) as object;
}
