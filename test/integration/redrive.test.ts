import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headers, type JetStreamManager, type NatsConnection } from 'nats';
import { summarise, type DeadLetterSummary } from '../../host/ops/dead-letter-summary';
import { logStreamName } from '../../host/nats/wanted-streams';
import { jetplug, type CliResult } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { bucketIsFilled } from '../support/stored';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let fixed: string;
let plugins: string[];
let host: TestHost;

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  fixed = join(scene.folder(), 'fixed');
  plugins = [scene.folder({ 'fails.plugin.ts': fails(), 'other.plugin.ts': OTHER, 'large.plugin.ts': large() })];
  host = await start();
});
afterAll(() => scene.end());
beforeEach(async () => {
  rmSync(fixed, { force: true });
  await jsm.streams.purge('DEAD');
});

/** Counts, publishes and then fails, until it is fixed. */
const fails = (): string =>
  pluginSource(
    'FailsPlugin',
    `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.x', { from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async work(event: any, context: EventContext) {
    const n = await this.counts.update(event.of, (n = 0) => n + 1);
    context.log.info('ran', { ...event, n, headers: context.headers, sequence: context.sequence, stream: context.stream });
    await this.events.publish('badge.done', { of: event.of, n });
    if (!existsSync('${fixed}')) throw new Error(event.error ?? 'not fixed');
  }`,
    { before: `import { existsSync } from 'node:fs';\n` },
  );
/** Appends a word to each of three large values and then fails, until it is fixed. */
const large = (): string =>
  pluginSource(
    'LargePlugin',
    `  constructor(private readonly texts: Store<string>) {}
  @Subscribe('video.large', { from: 'beginning', retry: { attempts: 2, backoff: ['50ms'] } })
  async work(event: any, context: EventContext) {
    const lengths: number[] = [];
    for (const key of ['a', 'b', 'a']) {
      const text = await this.texts.update(event.of + '.' + key, (t = 'ж'.repeat(60_000)) => t + ' more');
      lengths.push(text.length);
    }
    context.log.info('grew', { of: event.of, later: event.later, lengths });
    if (!existsSync('${fixed}')) throw new Error('not fixed');
  }`,
    { before: `import { existsSync } from 'node:fs';\n` },
  );
const OTHER = pluginSource(
  'OtherPlugin',
  `  constructor(private readonly counts: Store<number>) {}
  @Subscribe('video.x', { from: 'beginning' })
  async see(event: any) {
    await this.counts.update(event.of, (n = 0) => n + 1);
  }
  @Subscribe('video.>', { from: 'beginning', durable: 'other-all' })
  async all(event: any) {
    await this.counts.update('all.' + event.of, (n = 0) => n + 1);
  }`,
);

/** A high limit for the circuit, so that each failing event is dead-lettered instead of waiting. */
const CONFIG = { delivery: { ackWait: '2s', circuit: { messages: 1_000 } } };
const start = (): Promise<TestHost> => scene.host({ server, plugins, config: CONFIG });

test('a redriven event goes to the one handler that failed, counts once, and its letter is removed when it is settled', async () => {
  await publish('one', {}, { 'Nats-Msg-Id': 'id-one', traceparent: 't1' });
  const [letter] = await letters(1);
  const [before] = host.logged('ran').filter(({ of }) => of === 'one');
  // Its runs failed, so they have left nothing.
  expect(await counts('one')).toEqual({ fails: 0, other: 1, all: 1, done: 0 });
  writeFileSync(fixed, '');
  const redriven = await cli('redrive', String(letter!.id));
  expect(redriven.stdout).toContain('1 dead letter redriven');
  await letters(0);
  expect(await counts('one')).toEqual({ fails: 1, other: 1, all: 1, done: 1 });
  // The handler got the event with its original place, headers and id, and no update of its failed runs.
  const { time: _time, msg: _msg, attempt: _attempt, ...as } = before!;
  expect(
    host
      .logged('ran')
      .filter(({ of }) => of === 'one')
      .at(-1),
  ).toMatchObject(as);
  expect(as).toMatchObject({ n: 1, stream: 'EVENTS', event_id: 'id-one', headers: { traceparent: 't1' } });
});

test('an event that fails again after a redrive gets a new letter in place of the old one, with all its attempts again', async () => {
  await publish('again');
  const [old] = await letters(1);
  await cli('redrive', String(old!.id));
  const [letter] = await eventually(async () => {
    const all = await list();
    return all.length === 1 && all[0]!.id !== old!.id && all;
  });
  expect(letter).toMatchObject({ attempts: 2, stream: 'EVENTS', sequence: old!.sequence, plugin: 'fails' });
  writeFileSync(fixed, '');
  await cli('redrive', String(letter!.id));
  await letters(0);
  expect(await counts('again')).toEqual({ fails: 1, other: 1, all: 1, done: 1 });
});

test('a letter that is redriven while the host is down waits, and stays until the event is settled', async () => {
  await publish('down');
  const [letter] = await letters(1);
  expect(await host.stop()).toBe(0);
  writeFileSync(fixed, '');
  await cli('redrive', String(letter!.id));
  // A second redrive has no effect: the event is in the retry queue already.
  await cli('redrive', String(letter!.id));
  expect(await list()).toHaveLength(1);
  host = await start();
  await letters(0);
  expect(await counts('down')).toEqual({ fails: 1, other: 1, all: 1, done: 1 });
  expect(host.logged('ran').filter(({ of }) => of === 'down')).toHaveLength(1);
});

test('a redriven event is handled once, though a host is killed during its run', async () => {
  for (let i = 0; i < 20; i++) await publish('killed');
  await letters(20);
  writeFileSync(fixed, '');
  await cli('redrive', '--all');
  await host.kill();
  host = await start();
  await letters(0);
  expect(await counts('killed')).toEqual({ fails: 20, other: 20, all: 20, done: 20 });
  // The letter is removed before the event is settled, so the run may happen once more.
  await eventually(async () => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info('RETRY', 'fails--work');
    return num_pending + num_ack_pending === 0;
  });
});

test('a redrive sees the present values, of any size, and none of the updates of failed runs', async () => {
  const js = nats.jetstream();
  await js.publish('video.large', JSON.stringify({ of: 'redriven' }));
  const [letter] = await letters(1);
  // Another event changes the values meanwhile.
  writeFileSync(fixed, '');
  await js.publish('video.large', JSON.stringify({ of: 'redriven', later: true }));
  await eventually(() => host.logged('grew').some(({ later }) => later));
  // Until it is settled, a run may start again.
  await allSettled(jsm, ['EVENTS']);
  rmSync(fixed);
  await cli('redrive', String(letter!.id));
  const [again] = await eventually(async () => {
    const all = await list();
    return all.length === 1 && all[0]!.id !== letter!.id && all;
  });
  writeFileSync(fixed, '');
  await cli('redrive', String(again!.id));
  await letters(0);
  const runs = host.logged('grew').filter(({ of }) => of === 'redriven');
  const lengthsOf = (isLater: boolean) =>
    runs.filter(({ later = false }) => later === isLater).map((run) => run['lengths']);
  expect(lengthsOf(true)).toEqual([[60_005, 60_005, 60_010]]);
  // Two runs before the letter, two before the second letter, and one after the fix.
  const [first, second, ...others] = lengthsOf(false);
  expect([first, second]).toEqual(Array.from({ length: 2 }, () => [60_005, 60_005, 60_010]));
  expect(others).toEqual(Array.from({ length: 3 }, () => [60_015, 60_010, 60_020]));
  await eventually(async () => {
    const { num_pending, num_ack_pending } = await jsm.consumers.info('RETRY', 'large--work');
    return num_pending + num_ack_pending === 0;
  });
  await bucketIsFilled(nats, 'large');
  const bucket = await js.views.kv('jetplug-large', { bindOnly: true });
  expect((await bucket.get('redriven.a'))!.json<string>()).toHaveLength(60_020);
}, 60_000);

test('letters are chosen by id, group, plugin, reason and time; a dry run changes nothing', async () => {
  const beganAt = new Date().toISOString();
  await publish('a', { error: 'broken 1' });
  await publish('a', { error: 'broken 2' });
  await publish('a', { error: 'torn' });
  const all = await letters(3);
  const torn = all.find(({ error }) => error === 'torn')!;
  const broken = all.filter((letter) => letter !== torn);
  expect(broken[0]!.fingerprint).toBe(broken[1]!.fingerprint);
  const chosen = async (...args: string[]): Promise<number[]> => {
    const result = await cli('drop', '--dry-run', '--json', ...args);
    return result.json<DeadLetterSummary[]>().map(({ id }) => id);
  };
  const ids = all.map(({ id }) => id);
  // Each choice by itself is tested in dead-selection.test.ts.
  expect(await chosen('--all')).toEqual(ids);
  expect(await chosen('--group', broken[0]!.fingerprint)).toEqual(broken.map(({ id }) => id));
  expect(await chosen('--plugin', 'fails', '--reason', 'attempts-exhausted', '--since', beganAt)).toEqual(ids);
  expect(await chosen('--before', beganAt)).toEqual([]);
  expect(await chosen('--since', '1h', String(torn.id))).toEqual([torn.id]);
  expect((await cli('redrive', '--all', '--dry-run')).stdout).toContain('3 dead letters would be redriven');

  const none = await run('redrive', '--json');
  expect([none.code, none.errors()[0]!.code]).toEqual([1, 'JP_USAGE']);
  const missing = await run('drop', '--json', '999999');
  expect([missing.code, missing.errors()[0]!.code]).toEqual([1, 'JP_NOT_FOUND']);

  await cli('drop', String(torn.id));
  expect((await list()).map(({ id }) => id)).toEqual(broken.map(({ id }) => id));
  await cli('drop', '--all');
  expect(await list()).toEqual([]);
  // A dozen commands run, each in its own process.
}, 60_000);

test('headers too large for a letter, and those with several values, are restored by a redrive', async () => {
  const made = headers();
  for (const value of ['a', 'b', 'a']) made.append('x-tag', value);
  made.append('x-plugin', 'mine');
  made.append('x-long', 'x'.repeat(50_000));
  await nats.jetstream().publish('video.x', '{"of":"headed"}', { headers: made });
  const [letter] = await letters(1);
  const shown = (await cli('show', String(letter!.id), '--json')).json<{ headers: Record<string, string> }>();
  expect(Number(shown.headers['x-headers-left-in-stream'])).toBeGreaterThan(50_000);
  writeFileSync(fixed, '');
  await cli('redrive', String(letter!.id));
  const { state } = await jsm.streams.info('RETRY');
  const { header } = await jsm.streams.getMessage('RETRY', { seq: state.last_seq });
  expect(header.values('x-tag')).toEqual(['a', 'b', 'a']);
  expect(header.get('x-long')).toBe('x'.repeat(50_000));
  await letters(0);
  const ran = host.logged('ran').filter((line) => line['of'] === 'headed');
  expect(ran.at(-1)!['headers']).toMatchObject({ 'x-tag': 'a', 'x-plugin': 'mine' });
}, 30_000);

async function publish(of: string, event: object = {}, values: Readonly<Record<string, string>> = {}): Promise<void> {
  const made = headers();
  for (const [name, value] of Object.entries(values)) made.set(name, value);
  await nats.jetstream().publish('video.x', JSON.stringify({ of, ...event }), { headers: made });
}

/** Resolves with the dead letters when there are this many. */
async function letters(count: number): Promise<DeadLetterSummary[]> {
  return eventually(async () => {
    const all = await list();
    return all.length === count && all;
  }, 20_000);
}

/** The letters as `dead list` shows them, which has its own tests. */
async function list(): Promise<DeadLetterSummary[]> {
  return (await storedLetters(nats)).map(({ seq, header }) =>
    summarise({ id: seq, headers: Object.fromEntries(header.keys().map((name) => [name, header.get(name)])) }),
  );
}

async function cli(...args: string[]): Promise<CliResult> {
  const result = await run(...args);
  expect([result.code, result.stderr]).toEqual([0, '']);
  return result;
}

function run(...args: string[]): Promise<CliResult> {
  return jetplug(['dead', ...args, '--servers', server.url]);
}

/** How often each handler has counted this, and how many events it has published. */
async function counts(of: string) {
  const js = nats.jetstream();
  const value = async (plugin: string, key: string): Promise<number> => {
    const bucket = await js.views.kv(`jetplug-${plugin}`, { bindOnly: true });
    return (await bucket.get(key))?.json<number>() ?? 0;
  };
  await eventually(async () => {
    for (const durable of ['fails-work', 'other-see', 'other-all']) {
      const { num_pending, num_ack_pending } = await jsm.consumers.info('EVENTS', durable);
      if (num_pending + num_ack_pending > 0) return false;
    }
    return true;
  });
  for (const plugin of ['fails', 'other']) if (await hasLog(plugin)) await bucketIsFilled(nats, plugin);
  return {
    fails: await value('fails', of),
    other: await value('other', of),
    all: await value('other', `all.${of}`),
    done: await done(of),
  };
}

/** A plugin has a log from its first commit on. */
async function hasLog(plugin: string): Promise<boolean> {
  const names = await jsm.streams.names().next();
  return names.includes(logStreamName(plugin));
}

async function done(of: string): Promise<number> {
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: 'badge.done' });
  const count = state.subjects?.['badge.done'] ?? 0;
  const consumer = await nats.jetstream().consumers.get('EVENTS', { filterSubjects: 'badge.done' });
  let found = 0;
  for (let read = 0; read < count;) {
    for await (const message of await consumer.fetch({ max_messages: count - read, expires: 5_000 })) {
      read++;
      if (message.json<{ of: string }>().of === of) found++;
    }
  }
  return found;
}
