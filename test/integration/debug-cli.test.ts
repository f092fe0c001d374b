/** `jetplug debug` runs a plugin's file on a stored event, shows the effects, and writes nothing to the server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JetStreamManager, NatsConnection } from 'nats';
import { jetplug, type CliResult } from '../support/cli';
import { allSettled } from '../support/durables';
import type { TestServer } from '../support/nats-server';
import { lineOf, pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

const COUNTER = pluginSource(
  'CounterPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus, private readonly log: Logger) {}
  @Subscribe('video.counted')
  async count({ user, url }: any, context: EventContext) {
    const count = await this.counts.update(user, (n = 0) => n + 1);
    context.log.info('counted', { count });
    if (url) await fetch(url);
    await this.events.publish('badge.counted', { user, count });
    context.afterCommit(() => this.log.warn('after the commit', { count }));
  }
  @Subscribe('video.*')
  see() {}`,
);

interface Debugged {
  readonly outcome: string;
  readonly verdict: string;
  readonly error?: { readonly message: string; readonly stack: string };
  readonly store: { readonly state: string; readonly keys: number };
  readonly changes: readonly object[];
  readonly events: readonly { readonly id: string; readonly subject: string; readonly payload: object }[];
  readonly log: readonly { readonly level: string; readonly message: string }[];
}

const scene = new Scene();
const requests: string[] = [];
const service = createServer((request, response) => {
  requests.push(request.url!);
  response.end('{}');
});
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
let plugins: string;
let file: string;
const events = new Map<string, number>();

beforeAll(async () => {
  await new Promise<void>((resolve) => void service.listen(0, '127.0.0.1', resolve));
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  plugins = scene.folder({ 'counter.plugin.ts': COUNTER });
  file = join(plugins, 'counter.plugin.ts');
  const host = await scene.host({ server, plugins: [plugins] });
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
  const sent: Record<string, object> = { first: {}, second: {}, third: {}, calling: { url } };
  for (const [id, fields] of Object.entries(sent)) {
    const text = JSON.stringify({ user: 'u1', event_id: id, ...fields });
    events.set(id, (await nats.jetstream().publish('video.counted', text)).seq);
    await allSettled(jsm, ['EVENTS'], 20_000);
  }
  await host.stop();
});
afterAll(async () => {
  service.close();
  await scene.end();
});

/** Everything on the server: the settings and the state of each stream and of each consumer. */
async function everything(): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { config, state } of jsm.streams.list()) {
    all.push({ config, state });
    for await (const { config, delivered, ack_floor, num_pending } of jsm.consumers.list(config.name)) {
      all.push({ config, delivered, ack_floor, num_pending });
    }
  }
  return all;
}

const debug = (event: string, ...flags: string[]): Promise<CliResult> =>
  jetplug(['debug', event, '--plugins', plugins, '--servers', server.url, '--no-inspect', ...flags]);
const counter = (event: string, ...flags: string[]): Promise<CliResult> =>
  debug(event, '--plugin', 'counter', '--handler', 'count', '--json', ...flags);

/** Runs with another text of the file on disk. */
async function edited<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, source.replace(from, to));
  try {
    return await work();
  } finally {
    writeFileSync(file, source);
  }
}

test('a handled event runs with the store before it, by its id and by its place, and nothing is written', async () => {
  const before = await everything();
  const results = await Promise.all([counter('second'), counter(`EVENTS:${events.get('second')}`)]);
  for (const result of results) {
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
    const run = result.json<Debugged>();
    expect(run).toMatchObject({
      event: { stream: 'EVENTS', sequence: events.get('second'), id: 'second', subject: 'video.counted' },
      ...{ plugin: 'counter', handler: 'count', file, line: lineOf(COUNTER, 'async count') },
      store: { state: 'before-run', keys: 1, unknown: [] },
      ...{ outcome: 'handled', verdict: 'settled', afterCommit: true },
      changes: [{ key: 'u1', before: { value: 1 }, after: { value: 2 } }],
      events: [{ subject: 'badge.counted', payload: { user: 'u1', count: 2 } }],
    });
    expect(run.log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info counted',
      'warn after the commit',
    ]);
  }
  expect(await everything()).toEqual(before);
  const published = (await readStream(nats, 'EVENTS')).filter(({ subject }) => subject === 'badge.counted');
  // The run derives the ids that the host has derived.
  expect(results[0].json<Debugged>().events[0]!.id).toBe(published[1]!.id);
});

test('the file runs as it is on disk, and an error shows its line', async () => {
  const added = await edited('n + 1', 'n + 10', () => counter('second'));
  expect(added.json<Debugged>().changes).toEqual([{ key: 'u1', before: { value: 1 }, after: { value: 11 } }]);
  const failed = await edited("context.log.info('counted', { count });", "throw new TypeError('broken');", () =>
    counter('second'),
  );
  const { outcome, verdict, changes, events: published, error } = failed.json<Debugged>();
  expect({ code: failed.code, outcome, verdict, changes, published }).toEqual({
    ...{ code: 1, outcome: 'failed', verdict: 'retried', changes: [], published: [] },
  });
  expect(error!.message).toBe('broken');
  expect(error!.stack).toContain(`${file}:${lineOf(COUNTER, "context.log.info('counted'")}:`);
});

test('the network is refused with a coded error, and --allow-net allows it', async () => {
  const before = requests.length;
  const refused = await counter('calling');
  const { outcome, error } = refused.json<Debugged>();
  expect({ code: refused.code, outcome, message: error!.message }).toEqual({
    ...{ code: 1, outcome: 'failed' },
    message: expect.stringMatching(/^fetch failed ← connect ECONNREFUSED 127\.0\.0\.1:\d+/),
  });
  expect(error!.message).toContain('JP_NETWORK_BLOCKED');
  expect(requests).toHaveLength(before);
  const allowed = await counter('calling', '--allow-net');
  expect({ code: allowed.code, outcome: allowed.json<Debugged>().outcome }).toEqual({ code: 0, outcome: 'handled' });
  expect(requests).toHaveLength(before + 1);
});

test('an event, a plugin and a handler that are unknown or not named are explained', async () => {
  const cases: [args: string[], code: string, message: RegExp][] = [
    [['nothing', '--plugin', 'counter'], 'JP_NOT_FOUND', /no stored event has the id "nothing"/],
    [['EVENTS:99999', '--plugin', 'counter'], 'JP_NOT_FOUND', /stream EVENTS has no event 99999/],
    [['second', '--plugin', 'countr'], 'JP_NOT_FOUND', /no plugin "countr" .*did you mean counter\?/],
    [['second', '--plugin', 'counter'], 'JP_USAGE', /several handlers of counter take video\.counted: count, see/],
    [['second', '--plugin', 'counter', '--handler', 'x'], 'JP_NOT_FOUND', /counter has no handler x/],
    [['second', '--plugin', 'counter', '--inspect=0.0.0.0:1'], 'JP_USAGE', /reached by other machines/],
  ];
  const results = await Promise.all(cases.map(([args]) => debug(...(args as [string]), '--json')));
  expect(results.map((result) => [result.code, result.errors()])).toEqual(
    cases.map(([, code, message]) => [
      1,
      [expect.objectContaining({ code, message: expect.stringMatching(message) as string })],
    ]),
  );
});

test('a plugin that ends its process, and one that does not compile, are explained', async () => {
  const ended = await edited('const count =', 'process.exit(7); const count =', () => counter('second'));
  expect([ended.code, ended.errors()]).toMatchObject([
    1,
    [{ code: 'JP_REPLAY_ENDED', message: 'the process ended before the run was over: exit code 7' }],
  ]);
  const wrong = await edited('const count =', 'const count = =', () => counter('second'));
  expect([wrong.code, wrong.errors()]).toMatchObject([1, [{ code: 'JP_PLUGIN_SYNTAX', file }]]);
});

test('the screen shows the state, the outcome and the effects', async () => {
  const { code, stdout } = await debug('third', '--plugin', 'counter', '--handler', 'count');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual([
    `counter.count on EVENTS:${events.get('third')}  video.counted`,
    expect.stringMatching(/^ {2}id third, stored 20/),
    expect.stringMatching(/counter\.plugin\.ts:\d+ as it is on disk, version \w+$/),
    expect.stringMatching(/^ {2}the store as it stood before the event was handled at 20\S+Z, 1 key$/),
    '',
    expect.stringMatching(/^ {2}✔ handled in [\d.]+ ms$/),
    '  store',
    '    u1  2 → 3',
    '  published',
    expect.stringMatching(/^ {4}badge\.counted {2}\{.*"user":"u1","count":3\}$/),
    '  log',
    '    info  counted {"count":3}',
    '    warn  after the commit {"count":3}',
    '  its afterCommit functions were called',
    '',
    '  nothing was written to the server',
    '',
  ]);
});
