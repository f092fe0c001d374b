import type { JetStreamManager, NatsConnection } from 'nats';
import { Bucket } from '../../host/nats/bucket';
import { JetStreamLog } from '../../host/nats/commit-log';
import type { Connection } from '../../host/nats/connection';
import { readCommitted } from '../../host/records/commits/read-committed';
import { jetplug, type CliResult } from '../support/cli';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { handled } from '../support/story';

const ACCOUNTS = 20;
const SUM = ACCOUNTS * 1_000;

const BANK = pluginSource(
  'BankPlugin',
  `  constructor(private readonly accounts: Store<number>) {}
  @Subscribe('video.transfer', { concurrency: 16 })
  async transfer({ from, to, amount }: any) {
    await this.accounts.update(from, (money = 1_000) => money - amount);
    await this.accounts.update(to, (money = 1_000) => money + amount);
  }`,
);
const NOTES = pluginSource(
  'NotesPlugin',
  `  constructor(private readonly notes: Store<unknown>, private readonly events: EventBus) {}
  @Subscribe('video.note', { concurrency: 8 })
  async note({ key }: any) {
    await this.notes.update(key, (note: any) => ({ n: (note?.n ?? 0) + 1 }));
  }
  @Subscribe('video.read')
  async read({ key }: any) {
    await this.events.publish('badge.read', { value: JSON.stringify((await this.notes.get(key)) ?? null) });
  }`,
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let plugins: string;
let host: TestHost;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  connection = await scene.connection(server);
  plugins = scene.folder({ 'bank.plugin.ts': BANK, 'notes.plugin.ts': NOTES });
  host = await start();
});
afterAll(() => scene.end());

const start = (): Promise<TestHost> => scene.host({ server, plugins: [plugins] });

test('a reader never sees one key of a commit without the other, while hosts commit', async () => {
  const events = 4_000;
  const account = (): string => `a${Math.floor(Math.random() * ACCOUNTS)}`;
  // Each account exists before the sum is read.
  for (let i = 0; i < ACCOUNTS; i++) transfer(`a${i}`, `a${(i + 1) % ACCOUNTS}`, 0);
  await eventually(async () => (await handled(host))['bank.transfer'] === ACCOUNTS);
  for (let i = 0; i < events; i++) transfer(account(), account(), 1 + (i % 9));
  const sums: number[] = [];
  let isDone = false;
  const log = (await JetStreamLog.find(connection, 'bank'))!;
  const bucket = Bucket.at(connection, 'jetplug-bank');
  const readers = Array.from({ length: 3 }, async () => {
    while (!isDone) sums.push(sumOf([...(await readCommitted(log, bucket)).values()].map(Number)));
  });
  const shown = await eventually(() => run('store', 'bank'));
  sums.push(sumOf(shown.json<{ value: number }[]>().map(({ value }) => value)));
  await eventually(async () => (await handled(host))['bank.transfer'] === events + ACCOUNTS, 30_000);
  isDone = true;
  await Promise.all(readers);
  expect(sums.length).toBeGreaterThan(10);
  expect(new Set(sums)).toEqual(new Set([SUM]));
}, 60_000);

test('a value that is set is a commit, which a running host reads at once', async () => {
  await note('u1');
  await eventually(async () => (await shown('u1')) === '{"n":1}');
  const result = await run('store', 'notes', 'u1', '--set', ' {"n": 41} ');
  expect(result.stderr).toBe('');
  expect(result).toMatchObject({ code: 0 });
  expect(result.json()).toEqual({ key: 'u1', set: true });
  expect(await readByHost('u1')).toBe('{"n":41}');
  await note('u1');
  await eventually(async () => (await shown('u1')) === '{"n":42}');
  const commits = await commitsOf('notes');
  expect(commits.filter((commit) => commit.includes('"cli"'))).toHaveLength(1);
});

test('a deleted value is gone for the host too; a value of a scope is set in its scope', async () => {
  expect(await run('store', 'notes', 'u1', '--delete')).toMatchObject({ code: 0, stderr: '' });
  expect(await readByHost('u1')).toBe('null');
  expect(await run('store', 'notes', 'u1')).toMatchObject({ code: 1 });
  const set = await jetplug(['store', 'notes', 'u1', '--scope', 'other', '--set', '7', '--servers', server.url]);
  expect(set).toMatchObject({ code: 0, stdout: '✔ other: u1 set\n' });
  expect((await run('store', 'notes', 'u1', '--scope', 'other')).json()).toEqual([
    { key: 'u1', scope: 'other', value: 7 },
  ]);
});

test('an erased value is in no message of log and bucket, and other values stay', async () => {
  await jsm.streams.update('KV_jetplug-notes', { max_msgs_per_subject: 5 });
  const secret = 'the-secret-of-u2';
  for (const text of [`"${secret}-1"`, `"${secret}-2"`]) await run('store', 'notes', 'u2', '--set', text);
  await run('store', 'notes', 'u3', '--set', '3');
  expect(await run('store', 'notes', 'u2', '--erase')).toMatchObject({ code: 0, stderr: '' });
  expect((await commitsOf('notes')).filter((commit) => commit.includes(secret))).toEqual([]);
  const { state } = await jsm.streams.info('KV_jetplug-notes', { subjects_filter: '$KV.jetplug-notes.u2' });
  expect(state.subjects).toEqual({ '$KV.jetplug-notes.u2': 1 });
  expect(await shown('u2')).toBeUndefined();
  expect(await shown('u3')).toBe('3');
  expect(await readByHost('u2')).toBe('null');
  await note('u2');
  await eventually(async () => (await shown('u2')) === '{"n":1}');
  expect(host.logged('the commit log of the plugin cannot be used any more')).toEqual([]);
});

test('changes without a running host, and by several commands at once, are committed', async () => {
  expect(await host.stop()).toBe(0);
  const results = await Promise.all([1, 2, 3].map((n) => run('store', 'notes', `k${n}`, '--set', String(n))));
  expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([1, 2, 3].map(() => [0, '']));
  const kv = await nats.jetstream().views.kv('jetplug-notes');
  expect((await kv.get('k2'))?.string()).toBe('2');
  expect(await shown('k3')).toBe('3');
  expect(await run('store', 'notes', 'k1', '--erase')).toMatchObject({ code: 0 });
  host = await start();
  expect(await readByHost('k2')).toBe('2');
  expect(await readByHost('k1')).toBe('null');
  await note('k1');
  await eventually(async () => (await shown('k1')) === '{"n":1}');
});

test('values that another program puts into the bucket are taken up within moments, also under load', async () => {
  const kv = await nats.jetstream().views.kv('jetplug-notes');
  await kv.put('idle', '{"n":500}');
  await eventually(async () => (await commitsOf('notes')).some((commit) => commit.includes('{\\"n\\":500}')), 1_000);
  expect(await readByHost('idle')).toBe('{"n":500}');
  await kv.delete('idle');
  await eventually(async () => (await readByHost('idle')) === 'null', 1_000);

  const load = setInterval(() => {
    for (let i = 0; i < 10; i++) nats.publish('video.note', JSON.stringify({ key: 'hot' }));
  }, 10);
  const lost: number[] = [];
  const numberAt = async (): Promise<number> => (JSON.parse((await shown('hot')) ?? '{"n":0}') as { n: number }).n;
  try {
    for (let put = 1; put <= 30; put++) {
      await kv.put('hot', JSON.stringify({ n: put * 1_000_000 }));
      await eventually(async () => (await numberAt()) >= put * 1_000_000, 2_000).catch(() => lost.push(put));
    }
  } finally {
    clearInterval(load);
  }
  expect(lost).toEqual([]);
  // The next tests compare the commits before and after a command.
  await allSettled(await nats.jetstreamManager(), ['EVENTS'], 30_000);
}, 60_000);

test.each([
  { args: ['notes', '--set', '1'], code: 'JP_USAGE' },
  { args: ['notes', 'k', '--set', 'text'], code: 'JP_USAGE' },
  { args: ['notes', 'k', '--set', '9007199254740993'], code: 'JP_NUMBER_INEXACT' },
  { args: ['notes', 'k', '--set', '1', '--delete'], code: 'JP_USAGE' },
  { args: ['notes', 'k', '--scope', 'A B', '--set', '1'], code: 'JP_STORE_KEY_INVALID' },
  { args: ['nots', 'k', '--set', '1'], code: 'JP_NOT_FOUND' },
])('`store $args` is refused and changes nothing', async ({ args, code }) => {
  const before = await commitsOf('notes');
  const result = await run('store', ...args);
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.errors()).toEqual([expect.objectContaining({ code })]);
  expect(await commitsOf('notes')).toEqual(before);
});

test('a bucket of another program is not changed', async () => {
  const kv = await nats.jetstream().views.kv('jetplug-foreign');
  await kv.put('k', '1');
  const result = await run('store', 'foreign', 'k', '--set', '2');
  expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_BUCKET_FOREIGN' })]);
  expect((await kv.get('k'))?.string()).toBe('1');
});

function run(...args: string[]): Promise<CliResult> {
  return jetplug([...args, '--json', '--servers', server.url]);
}

function transfer(from: string, to: string, amount: number): void {
  nats.publish('video.transfer', JSON.stringify({ from, to, amount }));
}

async function note(key: string): Promise<void> {
  await nats.jetstream().publish('video.note', JSON.stringify({ key }));
}

/** Has a handler read the key. */
async function readByHost(key: string): Promise<string> {
  const answers = nats.subscribe('badge.read', { max: 1 });
  await nats.jetstream().publish('video.read', JSON.stringify({ key }));
  for await (const answer of answers) return answer.json<{ value: string }>().value;
  throw new Error('the handler has not answered');
}

/** The stored text of a key. */
async function shown(key: string): Promise<string | undefined> {
  const log = await JetStreamLog.find(connection, 'notes');
  return (await readCommitted(log, Bucket.at(connection, 'jetplug-notes'), [key])).get(key);
}

async function commitsOf(plugin: string): Promise<string[]> {
  const log = (await JetStreamLog.find(connection, plugin))!;
  const { first } = await log.bounds();
  return (await log.readAfter(first - 1)).map(({ text }) => text);
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
