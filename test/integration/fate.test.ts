import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headers, type JetStreamManager, type NatsConnection } from 'nats';
import { readFate } from '../../host/cli/fate';
import type { EventFate, HandlerFate } from '../../host/cli/fate-screen';
import type { Connection } from '../../host/nats/connection';
import { configOf } from '../../host/testing/options';
import { jetplug, type CliResult } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { askApi, durableInfo } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** A plugin with one handler `on` for video.x, and with a store, so that it has a commit log. */
const withLog = (className: string, body: string, options = ''): string =>
  pluginSource(
    className,
    `  constructor(private readonly values: Store<number>) {}
  @Subscribe('video.x', { from: 'beginning'${options} })
  async on(event: any) { ${body} }`,
  );
const withoutLog = (className: string, body: string, subject = 'video.x', options = ''): string =>
  pluginSource(
    className,
    `  @Subscribe('${subject}', { from: 'beginning'${options} })\n  async on(event: any) { ${body} }`,
  );

const RETRY = `, retry: { attempts: 5, backoff: ['20s'] }`;

const PLUGINS = {
  'counts.plugin.ts': withLog('CountsPlugin', `await this.values.update('n', (n = 0) => n + 1);`),
  'plain.plugin.ts': withoutLog('PlainPlugin', ''),
  'fails.plugin.ts': withoutLog('FailsPlugin', `throw new Error('no \\u001b[31mdatabase');`, 'video.x', RETRY),
  'postpones.plugin.ts': withLog('PostponesPlugin', `throw new RetryLater('1h', 'not yet');`),
  'rejects.plugin.ts': withoutLog('RejectsPlugin', `throw new Reject('no such user');`),
  'drops.plugin.ts': withLog('DropsPlugin', `await this.values.get('n'); throw new Reject('dropped soon');`),
  'redrives.plugin.ts': withLog('RedrivesPlugin', `await this.values.get('n'); throw new Reject('redriven soon');`),
  'other.plugin.ts': withoutLog('OtherPlugin', '', 'video.other'),
  'paused.plugin.ts': withoutLog('PausedPlugin', ''),
  'down.plugin.ts': withoutLog('DownPlugin', `throw new Error('nothing works');`, 'video.>'),
  'hangs.plugin.ts': withoutLog('HangsPlugin', `await new Promise(() => undefined);`),
};
const AT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const HASH = expect.stringMatching(/^[0-9a-f]{12}$/);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let host: TestHost;
let event: number;
let connection: Connection;
const config = configOf({});

const run = (...args: string[]): Promise<CliResult> => jetplug([...args, '--servers', server.url]);

async function publish(subject: string, fields: object = {}): Promise<number> {
  return (await nats.jetstream().publish(subject, JSON.stringify(fields))).seq;
}

function of(fate: EventFate, plugin: string): HandlerFate {
  return fate.handlers.find((each) => each.plugin === plugin)!;
}

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  connection = await scene.connection(server);
  const plugins = scene.folder(PLUGINS);
  const settings = { delivery: { circuit: { messages: 2, over: '1ms' } } };
  host = await scene.host({ server, plugins: [plugins], config: settings });
  await askApi(nats, 'CONSUMER.PAUSE.EVENTS.paused-on', {
    pause_until: new Date(Date.now() + 3_600_000).toISOString(),
  });
  for (const id of ['a', 'b', 'c']) await publish('video.first', { event_id: id });
  await eventually(() => circuitIsOpen());
  event = await publish('video.x', { event_id: 'the-event' });
  await eventually(async () => {
    // Reading a missing message throws, so it counts as not yet.
    await jsm.streams.getMessage('KV_jetplug', { last_by_subj: `$KV.jetplug.attempts.fails-on.EVENTS.${event}` });
    await jsm.streams.getMessage('RETRY', { last_by_subj: 'retry.postpones.on.>' });
    const [hangs, counts, plain] = await Promise.all(
      ['hangs-on', 'counts-on', 'plain-on'].map((durable) => jsm.consumers.info('EVENTS', durable)),
    );
    const isHandled = [counts, plain].every((info) => info!.ack_floor.stream_seq >= event);
    return isHandled && hangs!.num_ack_pending === 1 && (await storedLetters(nats)).length === 3;
  });
  writeFileSync(join(plugins, 'late.plugin.ts'), pluginSource('LatePlugin', `  @Subscribe('video.x')\n  on() {}`));
  await eventually(() => durableInfo(nats, 'EVENTS', 'late-on'));
}, 60_000);
afterAll(() => scene.end());

async function circuitIsOpen(): Promise<boolean> {
  const stored = await jsm.streams.getMessage('KV_jetplug', { last_by_subj: '$KV.jetplug.circuit.down-on' });
  return stored.string().includes('ongoing');
}

test('a running host tells which handler runs the event now', async () => {
  const fate = await readFate(connection, config, 'EVENTS', event);
  expect(fate.hosts).toBe(1);
  expect(of(fate, 'hangs')).toEqual({
    plugin: 'hangs',
    handler: 'on',
    state: 'running',
    why: 'its handler runs it now',
  });
});

describe('with all hosts dead', () => {
  let fate: EventFate;
  let before: object;

  beforeAll(async () => {
    await host.kill();
    const letterOf = async (plugin: string): Promise<string> =>
      String((await storedLetters(nats)).find(({ subject }) => subject.startsWith(`dead.${plugin}.`))!.seq);
    expect((await run('dead', 'drop', await letterOf('drops'))).code).toBe(0);
    expect((await run('dead', 'redrive', await letterOf('redrives'))).code).toBe(0);
    await eventually(async () => (await jsm.consumers.info('EVENTS', 'counts-on')).num_waiting === 0);
    before = await stateOfServer();
    fate = (await run('fate', `EVENTS:${event}`, '--json')).json();
  }, 60_000);

  /** The positions of all streams and durables, which a read leaves as they are. */
  async function stateOfServer(): Promise<object> {
    const streams: Record<string, unknown> = {};
    for await (const { config, state } of jsm.streams.list()) {
      const durables: unknown[] = [];
      for await (const { name, delivered, ack_floor } of jsm.consumers.list(config.name))
        durables.push([name, delivered.consumer_seq, ack_floor.stream_seq]);
      streams[config.name] = [state.last_seq, state.messages, durables.sort()];
    }
    return streams;
  }

  test('it shows the event, and changes nothing on the server', async () => {
    expect(fate).toMatchObject({ stream: 'EVENTS', sequence: event, subject: 'video.x', id: 'the-event', hosts: 0 });
    expect(await stateOfServer()).toEqual(before);
  });

  test.each<[plugin: string, fate: object]>([
    ['counts', { state: 'done', why: 'handled', at: AT, attempt: 1, version: HASH, host: expect.any(String) }],
    ['plain', { state: 'done', why: expect.stringContaining('settled') }],
    [
      'fails',
      {
        state: 'retrying',
        why: 'it failed and is tried again; no host runs',
        attempt: 2,
        attempts: 5,
        error: expect.stringContaining('database'),
        at: AT,
        dueAt: AT,
        version: HASH,
        next: 'jetplug start',
      },
    ],
    ['postpones', { state: 'deferred', why: 'it waits in the retry queue until it is due', dueAt: AT }],
    [
      'rejects',
      {
        state: 'dead-lettered',
        why: expect.stringMatching(/^dead letter \d+$/),
        letter: expect.any(Number),
        reason: 'rejected',
        error: 'no such user',
        attempt: 1,
        at: AT,
        next: expect.stringMatching(/^jetplug dead show \d+$/),
      },
    ],
    [
      'drops',
      {
        state: 'dead-lettered',
        why: 'it was dead-lettered, and its letter was dropped or has expired',
        dropped: true,
        at: AT,
        attempt: 1,
        version: HASH,
        host: expect.any(String),
      },
    ],
    [
      'redrives',
      {
        state: 'dead-lettered',
        why: expect.stringMatching(/^dead letter \d+, which is redriven; it waits for its handler/),
        redriven: true,
        letter: expect.any(Number),
        reason: 'rejected',
        error: 'redriven soon',
        attempt: 1,
        at: AT,
        next: 'jetplug start',
      },
    ],
    ['other', { state: 'filtered', why: 'it takes video.other' }],
    [
      'paused',
      {
        state: 'waiting',
        why: expect.stringContaining('paused until'),
        pausedUntil: AT,
        next: 'jetplug resume paused.on',
      },
    ],
    [
      'down',
      {
        state: 'waiting',
        why: expect.stringContaining('circuit is open since'),
        error: expect.stringContaining('nothing works'),
        next: 'jetplug start',
      },
    ],
    [
      'hangs',
      {
        state: 'pending',
        why: 'it was delivered and not settled; the server delivers it again when a host runs',
        next: 'jetplug start',
      },
    ],
    ['late', { state: 'before-deployment', why: expect.stringContaining('after the event') }],
  ])('%s', (plugin, expected) => {
    expect(of(fate, plugin)).toEqual({ plugin, handler: 'on', ...expected });
  });

  test('events that are not delivered yet are pending, with the number of events before each', async () => {
    for (let i = 0; i < 3; i++) await publish('video.x');
    const last = await publish('video.x');
    const expected = {
      state: 'pending',
      before: 3,
      why: 'not delivered yet; no host pulls from its durable',
      next: 'jetplug start',
    };
    expect(of(await readFate(connection, config, 'EVENTS', last), 'counts')).toEqual({
      plugin: 'counts',
      handler: 'on',
      ...expected,
    });
  });

  test('for a person it prints one line a handler, without control characters of the event', async () => {
    const { stdout } = await run('fate', 'EVENTS', String(event));
    expect(stdout).toMatch(/✔ counts\.on +done +handled, attempt 1, /);
    expect(stdout).toMatch(/↻ fails\.on +retrying .*next: attempt 2 of 5, due /);
    expect(stdout).toContain('no host answered: this is what the server knows');
    // eslint-disable-next-line no-control-regex -- the error has one
    expect(stdout).not.toMatch(/\u001b/);
  });

  test('an event id is found in the payload, in Nats-Msg-Id, and newest first', async () => {
    const named = headers();
    named.set('Nats-Msg-Id', 'by-header');
    const { seq } = await nats.jetstream().publish('video.other', '{}', { headers: named });
    const again = await publish('video.other', { event_id: 'twice' });
    const newest = await publish('video.other', { event_id: 'twice', note: again });
    expect(await readFate(connection, config, 'by-header')).toMatchObject({ sequence: seq, id: 'by-header' });
    expect(await readFate(connection, config, 'the-event', undefined, Date.now() - 3_600_000)).toMatchObject({
      sequence: event,
    });
    expect(await readFate(connection, config, 'twice')).toMatchObject({ sequence: newest });
  });

  test('of an event that is gone it says what the records know', async () => {
    await jsm.streams.deleteMessage('EVENTS', event);
    const gone = await readFate(connection, config, 'EVENTS', event);
    // The letters name the subject.
    expect(gone).toMatchObject({ subject: 'video.x', gone: expect.stringContaining('deleted') });
    expect(of(gone, 'counts')).toMatchObject({ state: 'done', why: 'handled' });
    expect(of(gone, 'rejects')).toMatchObject({ state: 'dead-lettered' });
    expect(of(gone, 'hangs')).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('no commit tells'),
    });
  });

  test.each<[what: string, event: string, sequence: number | undefined, message: RegExp]>([
    ['an unknown stream', 'EVENT', 1, /no stream "EVENT" on the server; did you mean EVENTS\?/],
    ['a sequence beyond the end', 'EVENTS', 999_999, /has no event 999999: its last event is \d+/],
    ['an id that no event has', 'nobody', undefined, /no stored event has the id "nobody" \(searched: EVENTS\)/],
  ])('%s is an error', async (_what, event, sequence, message) => {
    const expected = { code: 'JP_NOT_FOUND', message: expect.stringMatching(message) };
    await expect(readFate(connection, config, event, sequence)).rejects.toMatchObject(expected);
  });

  test('a sequence that is no number is an error', async () => {
    const result = await run('fate', 'EVENTS', '12x', '--json');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.errors()).toEqual([expect.objectContaining({ code: 'JP_USAGE' })]);
  });
});
