/** Handlers do the same in an isolated process as inline: the author's code does not change. */
import { headers as makeHeaders, type NatsConnection } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { decodeRuns } from '../../host/records/runs/run-table';
import { readStore, readStream } from '../support/stored';

const SOURCE = pluginSource(
  'WholePlugin',
  `  private readonly seen: Store<unknown>;
  private tries = 0;
  constructor(
    private readonly store: Store<any>,
    private readonly events: EventBus,
    private readonly settings: Settings<{ greeting: string }>,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) { this.seen = store.scope('seen'); }

  private hasPostponed = false;

  async onStart() {
    await this.store.update('started', () => this.settings.value.greeting + ' ' + this.clock.now().getFullYear());
  }

  @Subscribe('video.context')
  async context(event: any, context: EventContext) {
    const { attempt, subject, stream, sequence, time, headers } = context;
    context.log.info('a context', { event, attempt, stream, storedAtMs: time.getTime(), mine: headers['x-mine'], live: !context.signal.aborted, on: { subject, sequence } });
    await this.seen.update('it', () => ({ at: 1 }));
    await this.seen.update('gone', () => 1);
    await this.seen.delete('gone');
    this.log.warn('seen', { keys: await this.seen.keys(), value: await this.seen.get('it'), none: await this.seen.get('none'), err: new RangeError('shown') });
  }

  @Subscribe(VideoPublished)
  typed(event: VideoPublished) {
    this.log.info('typed', { isOne: event instanceof VideoPublished, genres: event.genres });
  }

  @Subscribe('video.outcome', { retry: { attempts: 2, backoff: ['10ms'] } })
  async outcome(event: any, { attempt }: EventContext) {
    await this.events.publish('badge.tried', { does: event.does, attempt });
    if (event.does === 'reject') throw new Reject('never');
    if (event.does === 'throw') throw new TypeError('not today');
    if (event.does === 'text') throw 'only text';
    if (event.does === 'later' && !this.hasPostponed) {
      this.hasPostponed = true;
      await this.store.update('later', () => true);
      throw new RetryLater('50ms');
    }
  }

  @Subscribe('video.values', { retry: { attempts: 1 } })
  async values(event: any, { cloudEvent, headers }: EventContext) {
    const refused: string[] = [];
    const note = (error: Error & { code: string }) => void refused.push(error.code + ' ' + error.message);
    for (const bad of [NaN, new Map(), [undefined]]) {
      await this.store.update('bad', () => ({ bad })).catch(note);
      await this.events.publish('badge.bad', { bad }).catch(note);
    }
    this.log.info('values', { refused, data: event.data, cloudEvent, source: headers['ce-source'] });
  }

  @Subscribe('video.keyed', { key: 'user', concurrency: 8 })
  async keyed(event: any) {
    await new Promise((resolve) => setTimeout(resolve, event.n % 2 ? 1 : 10));
    await this.store.update('order ' + event.user, (list: number[] = []) => [...list, event.n]);
  }

  @Subscribe(VideoWatchStarted, { batch: { size: 4, wait: '200ms' }, retry: { attempts: 1 } })
  async batch(events: VideoWatchStarted[]) {
    this.log.info('a batch', { users: events.map(({ user_id }) => user_id) });
    for (const event of events) {
      await this.store.update('batch ' + event.user_id, (n: number = 0) => n + 1, { for: event });
      await this.events.publish('badge.batched', { user: event.user_id }, { for: event });
    }
    const bad = events.findIndex(({ user_id }) => user_id === 'bad');
    if (bad >= 0) throw new BatchFailure([{ index: bad, error: new Reject('a bad one') }]);
  }

  @Subscribe('video.parts', { retry: { attempts: 3, backoff: ['10ms'] } })
  async parts({ user, fails }: any, context: EventContext) {
    const a: number = await this.store.update('part a', (n = 0) => n + 1);
    await this.events.publish('badge.part', { user, part: 'a', total: a });
    await this.store.commit();
    if (fails === 'handler' && context.attempt === 1) throw new Error('between the parts');
    const b: number = await this.store.update('part b', (n = 0) => n + a);
    context.afterCommit(async () => {
      if (fails === 'work' && this.tries++ === 0) throw new Error('no mail server');
      this.log.info('mail', { user, a, b, committed: await this.store.get('part b') });
    });
  }

  @Subscribe('video.batch_mail', { batch: { size: 3, wait: '300ms' }, retry: { attempts: 1 } })
  async batchMail(events: any[], context: BatchContext) {
    for (const event of events) context.of(event).afterCommit((signal) => this.log.info('batch mail', { n: event.n, live: !signal.aborted }));
    const index = events.findIndex(({ n }) => n < 0);
    const refused = await this.store.commit().catch((error: Error & { code: string }) => error.code);
    if (index >= 0) throw new BatchFailure([{ index, error: new Reject(String(refused)) }]);
  }

  @Subscribe('video.slow', { timeout: '300ms', retry: { attempts: 1 } })
  async slow(_event: any, { signal }: EventContext) {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    this.log.info('aborted', { reason: (signal.reason as Error).message });
    await this.store.update('too late', () => 1).catch((error: Error & { code: string }) => this.log.info('too late', { code: error.code }));
  }`,
  {
    options: `{ isolation: 'process', settings: z.object({ greeting: z.string().default('hello') }) }`,
    before: `import { BatchFailure, type BatchContext } from 'jetplug/sdk';`,
  },
);

const scene = new Scene();
let nats: NatsConnection;
let host: TestHost;

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  host = await scene.host({
    server,
    plugins: [scene.folder({ 'whole.plugin.ts': SOURCE })],
    config: { plugins: { whole: { settings: { greeting: 'good day' } } } },
  });
});
afterAll(() => scene.end());

test('an isolated plugin is built with its settings, clock and store, and onStart may use them', async () => {
  expect((await readStore(nats, 'whole'))['started']).toBe(`good day ${new Date().getFullYear()}`);
});

test('an isolated handler gets the whole context of its event, and stores values in scopes', async () => {
  const ack = await nats.jetstream().publish('video.context', JSON.stringify({ n: 1 }), { headers: mine() });
  const line = await eventually(() => logged('a context')[0]);
  expect(line).toMatchObject({
    attempt: 1,
    stream: 'EVENTS',
    mine: 'yes',
    live: true,
    handler: 'context',
    sequence: ack.seq,
  });
  expect(Math.abs(Date.now() - (line['storedAtMs'] as number))).toBeLessThan(60_000);
  expect(line).toMatchObject({
    on: { subject: 'video.context', sequence: ack.seq },
    event: { n: 1, event_type: 'video.context' },
  });
  const seen = await eventually(() => logged('seen')[0]);
  expect(seen).toMatchObject({
    level: 'warn',
    keys: ['it'],
    value: { at: 1 },
    err: { type: 'RangeError', message: 'shown' },
  });
  // The handler logs before its changes are committed.
  await eventually(async () => 'seen/it' in (await readStore(nats, 'whole')));
  expect(await readStore(nats, 'whole')).toMatchObject({ 'seen/it': { at: 1 } });
});

test('the lines that an isolated handler logs, by its context and by the plugin’s log, are in the record of its run', async () => {
  const lines = await eventually(async () => {
    const stored = await readStream(nats, 'RUNS');
    const runs = stored.flatMap(({ bytes }) => decodeRuns(bytes)?.runs ?? []);
    return runs.find(({ handler }) => handler === 'context')?.lines;
  });
  expect(lines).toEqual([
    { level: 'info', message: 'a context', fields: expect.objectContaining({ mine: 'yes', live: true }) },
    {
      level: 'warn',
      message: 'seen',
      fields: { keys: ['it'], value: { at: 1 }, err: { type: 'RangeError', message: 'shown' } },
    },
  ]);
  expect(lines[0]!.fields).not.toHaveProperty('handler');
});

test('a value that JSON cannot hold is refused with its path, and a CloudEvent is complete', async () => {
  const attributes = { specversion: '1.0', type: 'video.values', id: 'c1', source: '/tv' };
  const data = { timestamp: 1715540591, a: 1 };
  publish('video.values', { ...attributes, data });
  expect(await eventually(() => logged('values')[0])).toMatchObject({
    refused: [
      'JP_STORE_VALUE_INVALID Store.update("bad"): bad of the new value is NaN',
      'JP_EVENT_INVALID badge.bad: bad is NaN',
      'JP_STORE_VALUE_INVALID Store.update("bad"): bad of the new value is a Map, which is no plain object and has no toJSON',
      'JP_EVENT_INVALID badge.bad: bad is a Map, which is no plain object and has no toJSON',
      'JP_STORE_VALUE_INVALID Store.update("bad"): bad.0 of the new value is undefined in a list',
      'JP_EVENT_INVALID badge.bad: bad.0 is undefined in a list',
    ],
    data,
    cloudEvent: { attributes, data },
    source: '/tv',
  });
});

test('an event of a contract is an instance of its class; an invalid one is dead-lettered without a run of the handler', async () => {
  publish('video.published', { video_id: 'v1', genres: ['noir'] });
  expect(await eventually(() => logged('typed')[0])).toMatchObject({ isOne: true, genres: ['noir'] });
  publish('video.published', { video_id: 7 });
  expect(await reasonOf('typed')).toMatchObject(['schema', expect.stringContaining('video_id')]);
  expect(logged('typed')).toHaveLength(1);
});

test.each([
  ['reject', 'rejected', 'never', 1],
  ['throw', 'attempts-exhausted', 'not today', 2],
  ['text', 'attempts-exhausted', "whole.outcome threw 'only text', which is not an Error", 2],
])('%s: the thrown error decides the outcome', async (does, reason, message, attempts) => {
  const before = (await lettersOf('outcome')).length;
  publish('video.outcome', { does });
  await eventually(async () => (await lettersOf('outcome')).length > before);
  const { header } = (await lettersOf('outcome')).at(-1)!;
  expect([header.get('x-dead-letter-reason'), header.get('x-error-message'), header.get('x-attempts')]).toEqual([
    reason,
    expect.stringContaining(message),
    String(attempts),
  ]);
  expect((await emitted('badge.tried')).filter((event) => event['does'] === does)).toEqual([]);
});

test('RetryLater costs no attempt, and the handler’s event is published once', async () => {
  publish('video.outcome', { does: 'later' });
  const tried = await eventually(async () => {
    const all = (await emitted('badge.tried')).filter(({ does }) => does === 'later');
    return all.length > 0 && all;
  });
  expect(tried).toMatchObject([{ does: 'later', attempt: 1 }]);
  // The postponed run leaves no change.
  expect(await readStore(nats, 'whole')).not.toHaveProperty('later');
});

test('events of one key come in order', async () => {
  for (let n = 0; n < 20; n++) for (const user of ['a', 'b']) publish('video.keyed', { user, n });
  const order = Array.from({ length: 20 }, (_, n) => n);
  await eventually(async () => ((await readStore(nats, 'whole'))['order b'] as number[] | undefined)?.length === 20);
  expect(await readStore(nats, 'whole')).toMatchObject({ 'order a': order, 'order b': order });
});

test('a batch is handled together with an outcome for each event; only a failed or invalid event is dead-lettered', async () => {
  const before = (await lettersOf('batch')).length;
  for (const user_id of ['b1', 'bad', 5, 'b2']) publish('video.watch_started', { user_id, video_id: 'v' });
  await eventually(async () => (await lettersOf('batch')).length === before + 2);
  const reasons = (await lettersOf('batch')).map(({ header }) => header.get('x-dead-letter-reason'));
  expect(reasons.sort()).toEqual(['rejected', 'schema']);
  await eventually(async () => (await emitted('badge.batched')).length === 2);
  expect((await emitted('badge.batched')).map(({ user }) => user).sort()).toEqual(['b1', 'b2']);
  const values = await readStore(nats, 'whole');
  expect(values).toMatchObject({ 'batch b1': 1, 'batch b2': 1 });
  expect(values).not.toHaveProperty('batch bad');
  expect(logged('a batch').some(({ users }) => (users as string[]).length > 1)).toBe(true);
});

test('a committed part is applied once, and after-commit work is done with the values of the run', async () => {
  for (const fails of ['no', 'handler', 'work']) {
    publish('video.parts', { user: fails, fails });
    await eventually(() => logged('mail').some(({ user }) => user === fails));
  }
  expect(logged('mail')).toMatchObject([
    { user: 'no', a: 1, b: 1, committed: 1 },
    { user: 'handler', a: 2, b: 3, committed: 3 },
    { user: 'work', a: 3, b: 6, committed: 6 },
  ]);
  await eventually(async () => (await readStore(nats, 'whole'))['part b'] === 6);
  expect(await readStore(nats, 'whole')).toMatchObject({ 'part a': 3, 'part b': 6 });
  expect((await emitted('badge.part')).map(({ total }) => total)).toEqual([1, 2, 3]);
});

test('in a batch, after-commit work is done for the events that have not failed, and an early commit is refused', async () => {
  for (const n of [1, -2, 3]) publish('video.batch_mail', { n });
  await eventually(() => logged('batch mail').length === 2);
  await eventually(async () => (await lettersOf('batch-mail')).length === 1);
  expect(logged('batch mail').map(({ n }) => n)).toEqual([1, 3]);
  expect((await lettersOf('batch-mail'))[0]!.header.get('x-error-message')).toBe('JP_BATCH_COMMIT');
});

test('a handler that runs too long is ended at its timeout: its signal is aborted, and its store refuses', async () => {
  publish('video.slow', {});
  expect(await eventually(() => logged('aborted')[0])).toMatchObject({ reason: expect.stringContaining('timeout') });
  expect(await eventually(() => logged('too late')[0])).toMatchObject({ code: 'JP_RUN_OVER' });
  expect(await reasonOf('slow')).toMatchObject(['timeout', expect.stringContaining('300 ms')]);
  expect(host.logged('plugin process ended; restarting it')).toEqual([]);
});

function publish(subject: string, fields: object): void {
  nats.publish(subject, JSON.stringify(fields));
}

function mine(): ReturnType<typeof makeHeaders> {
  const headers = makeHeaders();
  headers.set('x-mine', 'yes');
  return headers;
}

function logged(msg: string): LogLine[] {
  return host.logged(msg).filter(({ plugin }) => plugin === 'whole');
}

async function lettersOf(handler: string): ReturnType<typeof storedLetters> {
  return (await storedLetters(nats)).filter(({ subject }) => subject.startsWith(`dead.whole.${handler}.`));
}

async function reasonOf(handler: string): Promise<string[]> {
  const [letter] = await eventually(async () => {
    const letters = await lettersOf(handler);
    return letters.length > 0 && letters;
  });
  return [letter!.header.get('x-dead-letter-reason'), letter!.header.get('x-error-message')];
}

async function emitted(subject: string): Promise<Record<string, unknown>[]> {
  const events = (await readStream(nats, 'EVENTS')).filter((event) => event.subject === subject);
  return events.map((event) => event.json<Record<string, unknown>>());
}
