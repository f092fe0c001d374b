import { join } from 'node:path';
import { headers, type MsgHdrs, type NatsConnection, type StoredMsg } from 'nats';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

/** The log shows what each plugin does: its handlers log `ran`. */
const SAY = `context.log.info('ran', { ...event });`;
const plugin = (className: string, subscribe: string, body: string): string =>
  pluginSource(
    className,
    `  @Subscribe(${subscribe})\n  async handle(event: any, context: EventContext) {\n    ${SAY}\n${body}\n  }`,
  );

const RETRIES = plugin(
  'RetriesPlugin',
  `'video.retries', { retry: { attempts: 3, backoff: ['50ms'] } }`,
  `    throw new TypeError('still no'); // HERE`,
);

const SOURCES = {
  'retries.plugin.ts': RETRIES,
  'recovers.plugin.ts': plugin(
    'RecoversPlugin',
    `'video.recovers', { retry: { backoff: ['50ms'] } }`,
    `    if (context.attempt < 3) throw new Error('not yet');`,
  ),
  'rejects.plugin.ts': plugin('RejectsPlugin', `'video.rejects'`, `    throw new Reject('a negative amount');`),
  'postpones.plugin.ts': pluginSource(
    'PostponesPlugin',
    `  private times = 0;
  @Subscribe('video.postpones', { retry: { attempts: 1 } })
  handle(event: any, context: EventContext) {
    ${SAY}
    if (++this.times < 3) throw new RetryLater('50ms', 'later');
  }`,
  ),
  'times-out.plugin.ts': plugin(
    'TimesOutPlugin',
    `'video.times_out', { timeout: '200ms', retry: { attempts: 2, backoff: ['50ms'] } }`,
    `    await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => {
      context.log.info('aborted', { why: context.signal.reason.code });
      resolve();
    }));
    await this.values.update('k', () => 1).catch((error) => context.log.info('refused', { code: error.code }));`,
  ).replace('  @Subscribe', '  constructor(private readonly values: Store<number>) {}\n  @Subscribe'),
  'long.plugin.ts': plugin(
    'LongPlugin',
    `'video.long'`,
    `    await new Promise((resolve) => setTimeout(resolve, 2_500));\n    context.log.info('done', {});`,
  ),
  'slow.plugin.ts': plugin(
    'SlowPlugin',
    `'video.slow', { concurrency: 1 }`,
    `    await new Promise((resolve) => setTimeout(resolve, 300));`,
  ),
  'watched.plugin.ts': pluginSource(
    'WatchedPlugin',
    `  @Subscribe()\n  handle(event: VideoWatchStarted, context: EventContext) {\n    ${SAY}\n    context.log.info('class', { right: event instanceof VideoWatchStarted });\n  }`,
  ),
  'wildcard.plugin.ts': plugin('WildcardPlugin', `'video.wild.*'`, ''),
  'loop.plugin.ts': plugin(
    'LoopPlugin',
    `'video.loop'`,
    `    await this.events.publish('video.loop', { round: event.round + 1 });`,
  ).replace('  @Subscribe', '  constructor(private readonly events: EventBus) {}\n  @Subscribe'),
  'half-way.plugin.ts': plugin(
    'HalfWayPlugin',
    `'video.half_way', { retry: { attempts: 2, backoff: ['50ms'] } }`,
    `    await this.events.publish('badge.half_way', { attempt: context.attempt });
    if (context.attempt === 1) throw new Error('after publishing');`,
  ).replace('  @Subscribe', '  constructor(private readonly events: EventBus) {}\n  @Subscribe'),
};

const LETTERS = {
  'letters.plugin.ts': plugin('LettersPlugin', `'dead.>'`, `    throw new Reject('no more of them');`),
};

const scene = new Scene();
let folder: string;
let host: TestHost;
let nats: NatsConnection;

beforeAll(async () => {
  folder = scene.folder({ ...SOURCES, ...LETTERS });
  const server = await scene.server();
  nats = await scene.client(server.url);
  host = await scene.host({
    server,
    plugins: [folder],
    config: { delivery: { ackWait: '1s' }, shutdown: { grace: '3s' } },
  });
  expect(host.logged('a plugin fails').map(({ plugin }) => plugin)).toEqual(['letters']);
});
afterAll(() => scene.end());

test('a failing event is retried after its backoff, then dead-lettered with the .ts line that threw', async () => {
  publish('video.retries', { n: 1 });
  const letter = await letterOf('retries');
  expect(ran('retries').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  const [first, second] = ran('retries').map(({ time }) => Date.parse(time));
  expect(second! - first!).toBeGreaterThanOrEqual(40);
  expect(letter.header.get('x-dead-letter-reason')).toBe('attempts-exhausted');
  expect(letter.header.get('x-attempts')).toBe('3');
  expect(letter.header.get('x-delivery-count')).toBe('3');
  expect(letter.header.get('x-error-name')).toBe('TypeError');
  expect(decodeURIComponent(letter.header.get('x-error-stack'))).toContain(
    `${join(folder, 'retries.plugin.ts')}:${lineOf(RETRIES, 'HERE')}:`,
  );
  expect(letter.string()).toBe('{"n":1}');
});

test('an event that fails and then passes is handled, and leaves no dead letter and no record', async () => {
  publish('video.recovers', {});
  await eventually(async () => (await statusOf('recovers'))?.handled === 1);
  expect(ran('recovers').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(await statusOf('recovers')).toMatchObject({ failed: 2, retried: 2, deadLettered: 0, pending: 0, inFlight: 0 });
  expect(await lettersOf('recovers')).toEqual([]);
  const records = await nats.jetstream().views.kv('jetplug', { bindOnly: true });
  // The record of its attempts is removed after its ack; the set of settled events stays.
  await eventually(async () => {
    const keys: string[] = [];
    for await (const key of await records.keys()) if (key.includes('recovers-handle')) keys.push(key);
    return keys.length === 1 && keys[0] === 'settled.recovers-handle';
  });
});

test('Reject dead-letters the event at once', async () => {
  publish('video.rejects', {});
  const { header } = await letterOf('rejects');
  expect(header.get('x-dead-letter-reason')).toBe('rejected');
  expect(header.get('x-attempts')).toBe('1');
  expect(header.get('x-error-message')).toBe('a negative amount');
  expect(ran('rejects')).toHaveLength(1);
});

test('RetryLater costs no attempt', async () => {
  publish('video.postpones', {});
  await eventually(async () => (await statusOf('postpones'))?.handled === 1);
  expect(ran('postpones').map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  expect(await lettersOf('postpones')).toEqual([]);
});

test('a handler that times out sees its signal aborted, and its store refuses later writes', async () => {
  publish('video.times_out', {});
  const { header } = await letterOf('times-out');
  expect(header.get('x-dead-letter-reason')).toBe('timeout');
  expect(header.get('x-attempts')).toBe('2');
  expect(of('times-out', 'aborted').map(({ attempt, why }) => [attempt, why])).toEqual([
    [1, 'JP_HANDLER_TIMEOUT'],
    [2, 'JP_HANDLER_TIMEOUT'],
  ]);
  await eventually(() => of('times-out', 'refused').length === 2);
  expect(of('times-out', 'refused')[0]).toMatchObject({ code: 'JP_RUN_OVER' });
  const bucket = await nats.jetstream().views.kv('jetplug-times-out', { bindOnly: true });
  expect(await bucket.get('k')).toBeNull();
});

test('neither an event whose handler runs longer than the ack wait nor the events behind a slow one are delivered twice', async () => {
  publish('video.long', {});
  for (let n = 0; n < 8; n++) publish('video.slow', { n });
  await eventually(async () => (await statusOf('long'))?.handled === 1 && (await statusOf('slow'))?.handled === 8);
  expect(ran('long')).toHaveLength(1);
  expect(of('long', 'done')).toHaveLength(1);
  expect(ran('slow').map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const jsm = await nats.jetstreamManager();
  for (const name of ['long', 'slow']) {
    const { delivered, num_ack_pending, num_redelivered } = await jsm.consumers.info('EVENTS', `${name}-handle`);
    expect({ num_ack_pending, num_redelivered, consumer_seq: delivered.consumer_seq }).toEqual({
      num_ack_pending: 0,
      num_redelivered: 0,
      consumer_seq: name === 'slow' ? 8 : 1,
    });
  }
});

test('the missing fields of an envelope are filled in; a Nats-Msg-Id is the event’s id', async () => {
  publish('video.watch_started', { user_id: 'u1', video_id: 'bare' });
  publish('video.watch_started', { user_id: 'u1', video_id: 'with id' }, { 'Nats-Msg-Id': 'my id' });
  publish('video.watch_started', {
    user_id: 'u1',
    video_id: 'whole',
    event_type: 'video.watch_started',
    event_id: 'e7',
    timestamp: '2026-05-12T21:03:11+02:00',
  });
  const [bare, withId, whole] = await eventually(
    () =>
      ['bare', 'with id', 'whole']
        .map((video) => ran('watched').find(({ video_id }) => video_id === video)!)
        .every(Boolean) &&
      ['bare', 'with id', 'whole'].map((video) => ran('watched').find(({ video_id }) => video_id === video)!),
  );
  expect(bare).toMatchObject({
    event_type: 'video.watch_started',
    event_id: `EVENTS:${String(bare!['sequence'])}`,
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(withId).toMatchObject({ event_id: 'my id' });
  expect(whole).toMatchObject({ event_id: 'e7', timestamp: '2026-05-12T19:03:11.000Z' });
  await eventually(() => of('watched', 'class').length === 3);
  expect(of('watched', 'class').map(({ right }) => right)).toEqual([true, true, true]);
});

test('CloudEvents are decoded in binary and in structured mode', async () => {
  const data = { user_id: 'u1', video_id: 'structured' };
  publish(
    'video.watch_started',
    { specversion: '1.0', type: 'video.watch_started', source: '/x', id: 'ce1', time: '2026-05-12T19:03:11Z', data },
    { 'Content-Type': 'application/cloudevents+json; charset=utf-8' },
  );
  publish(
    'video.watch_started',
    { user_id: 'u1', video_id: 'binary' },
    {
      'ce-specversion': '1.0',
      'ce-type': 'video.watch_started',
      'ce-source': '/x',
      'ce-id': 'ce%202',
      'ce-time': '2026-05-12T19:03:12Z',
    },
  );
  await eventually(
    () =>
      expect(ran('watched')).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ ...data, event_id: 'ce1', timestamp: '2026-05-12T19:03:11Z' }),
          expect.objectContaining({ video_id: 'binary', event_id: 'ce 2', timestamp: '2026-05-12T19:03:12Z' }),
        ]),
      ) === undefined,
  );
});

test('a handler on a subject with wildcards gets any JSON object of a matching subject', async () => {
  publish('video.wild.one', { a: [1] });
  publish('video.wild.two', { b: { c: null } });
  publish('video.wild.two.deeper', { no: true });
  await eventually(() => ran('wildcard').length === 2);
  expect(ran('wildcard')).toEqual([
    expect.objectContaining({ event_type: 'video.wild.one', subject: 'video.wild.one', a: [1] }),
    expect.objectContaining({ event_type: 'video.wild.two', b: { c: null } }),
  ]);
});

test('an endless loop between handlers that publish for each other is stopped', async () => {
  publish('video.loop', { round: 0 });
  const { header, data } = await letterOf('loop');
  expect(header.get('x-dead-letter-reason')).toBe('too-many-hops');
  expect(JSON.parse(Buffer.from(data).toString())).toMatchObject({ round: 33 });
  expect(ran('loop').map(({ round }) => round)).toEqual(Array.from({ length: 33 }, (_, round) => round));
});

test('a failed attempt publishes nothing; a later attempt publishes once', async () => {
  publish('video.half_way', {});
  await eventually(async () => (await statusOf('half-way'))?.handled === 1);
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('EVENTS', { subjects_filter: 'badge.half_way' });
  expect(state.subjects).toEqual({ 'badge.half_way': 1 });
  expect((await jsm.streams.getMessage('EVENTS', { last_by_subj: 'badge.half_way' })).json()).toMatchObject({
    attempt: 2,
  });
});

test('a plugin cannot subscribe to dead letters, because a failure would dead-letter dead letters', async () => {
  expect(host.logged('a plugin fails')).toMatchObject([
    {
      plugin: 'letters',
      code: 'JP_HANDLER_NO_STREAM',
      error: expect.stringContaining('subscribes to dead.>') as string,
    },
  ]);
  const before = (await storedLetters(nats)).length;
  publish('video.rejects', {});
  await eventually(async () => (await storedLetters(nats)).length === before + 1);
  expect(ran('letters')).toEqual([]);
  expect(await lettersOf('letters')).toEqual([]);
});

function publish(subject: string, event: object, values: Readonly<Record<string, string>> = {}): void {
  const made: MsgHdrs = headers();
  for (const [name, value] of Object.entries(values)) made.set(name, value);
  nats.publish(subject, JSON.stringify(event), { headers: made });
}

function of(name: string, msg: string): LogLine[] {
  return host.logged(msg).filter((line) => line['plugin'] === name);
}

function ran(name: string): LogLine[] {
  return of(name, 'ran');
}

async function lettersOf(name: string): Promise<StoredMsg[]> {
  return (await storedLetters(nats)).filter(({ header }) => header.get('x-plugin') === name);
}

async function letterOf(name: string): Promise<StoredMsg> {
  const [letter] = await eventually(async () => {
    const letters = await lettersOf(name);
    return letters.length > 0 && letters;
  });
  return letter!;
}

async function statusOf(name: string) {
  return (await ask(nats)).find(({ plugin }) => plugin === name)?.handlers[0];
}
