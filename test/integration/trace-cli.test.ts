import type { JetStreamManager, NatsConnection } from 'nats';
import type { HostRun, Trace, TracedEvent } from '../../host/ops/trace';
import { jetplug } from '../support/cli';
import { allSettled } from '../support/durables';
import { eventually } from '../support/eventually';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

const ORDERS = pluginSource(
  'OrdersPlugin',
  `  constructor(private readonly orders: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.ordered')
  async take({ user, n }: any, context: EventContext) {
    context.log.info('an order', { n });
    await this.orders.update(user, (before = 0) => before + n);
    await this.events.publish('badge.paid', { user, n });
  }`,
);
const BILLS = pluginSource(
  'BillsPlugin',
  `  constructor(private readonly events: EventBus) {}
  @Subscribe('badge.paid', { retry: { attempts: 2, backoff: ['10ms'] } })
  async send({ user, n }: any, { attempt }: EventContext) {
    if (n === 13) throw new Error('no \\u001b[31mpaper');
    if (n === 7 && attempt === 1) throw new TypeError('the printer is off');
    await this.events.publish('ranking.billed', { user, n });
  }`,
);

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let jsm: JetStreamManager;
const events = new Map<number, number>();

beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  jsm = await nats.jetstreamManager();
  const plugins = scene.folder({ 'orders.plugin.ts': ORDERS, 'bills.plugin.ts': BILLS });
  const host = await scene.host({ server, plugins: [plugins] });
  const js = nats.jetstream();
  for (const n of [1, 7, 13]) {
    events.set(
      n,
      (await js.publish('video.ordered', JSON.stringify({ user: `u${n}`, n, event_id: `order-${n}` }))).seq,
    );
  }
  await allSettled(jsm, ['EVENTS', 'RETRY'], 20_000);
  await host.stop();
});
afterAll(() => scene.end());

const trace = async (event: string): Promise<Trace> =>
  (await jetplug(['trace', event, '--servers', server.url, '--json'])).json<Trace>();

/** The tree as nested lists of handlers, with their outcome and attempt. */
const shape = ({ subject, runs }: TracedEvent): unknown[] => [
  subject,
  ...runs.map(({ record, events }) => [
    `${record.plugin}.${record.handler} ${record.attempt} ${record.outcome} ${record.verdict}`,
    ...events.map(shape),
  ]),
];

test('a tree is shown by the id of its first event, by a place, and by the id of a later event, with no host running', async () => {
  const paid = (await readStream(nats, 'EVENTS')).filter(({ subject }) => subject === 'badge.paid');
  const first = paid.find((event) => event.json<{ n: number }>().n === 1)!;
  const expected = [
    'video.ordered',
    ['orders.take 1 handled settled', ['badge.paid', ['bills.send 1 handled settled', ['ranking.billed']]]],
  ];
  for (const name of ['order-1', `EVENTS:${events.get(1)}`, first.id])
    expect(shape((await trace(name)).root)).toEqual(expected);
  const { root } = await trace('order-1');
  expect(root.runs[0]!.record).toMatchObject({
    id: 'order-1',
    root: 'order-1',
    stream: 'EVENTS',
    sequence: events.get(1)!,
    writes: ['u1'],
    lines: [{ level: 'info', message: 'an order', fields: { n: 1 } }],
  } satisfies Partial<HostRun>);
});

test('the events that a handler publishes carry their cause, their root and one trace id', async () => {
  const all = await readStream(nats, 'EVENTS');
  const of = (subject: string) =>
    all.find((event) => event.subject === subject && event.json<{ n: number }>().n === 1)!;
  const [paid, billed] = [of('badge.paid'), of('ranking.billed')];
  expect([paid.header('x-causation-id'), paid.header('x-correlation-id')]).toEqual(['order-1', 'order-1']);
  expect([billed.header('x-causation-id'), billed.header('x-correlation-id')]).toEqual([paid.id, 'order-1']);
  const traceIds = [paid, billed].map(
    (event) => /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(event.header('traceparent'))?.[1],
  );
  expect(traceIds[0]).toMatch(/./);
  expect(traceIds[1]).toBe(traceIds[0]);
});

test('a failed attempt and its retry, and a dead letter, are in the tree with their errors', async () => {
  const retried = await trace('order-7');
  expect(shape(retried.root)).toEqual([
    'video.ordered',
    [
      'orders.take 1 handled settled',
      ['badge.paid', ['bills.send 1 failed retried'], ['bills.send 2 handled settled', ['ranking.billed']]],
    ],
  ]);
  expect(retried.root.runs[0]!.events[0]!.runs[0]!.record.error).toMatchObject({
    name: 'TypeError',
    message: 'the printer is off',
    stack: expect.stringContaining('bills.plugin.ts'),
  });
  const { stdout } = await jetplug(['trace', 'order-13', '--servers', server.url]);
  expect(stdout).toContain('dead letter (attempts-exhausted)');
  expect(stdout).toContain('Error: no');
  expect(stdout).not.toContain('\u001b[31mpaper');
});

test('events are found by fields, subject and time, the newest first', async () => {
  const find = async (...flags: string[]): Promise<string[]> =>
    (await jetplug(['trace', ...flags, '--servers', server.url, '--json']))
      .json<{ subject: string; id: string; stream: string; sequence: number }[]>()
      .map(({ subject, id }) => (subject === 'video.ordered' ? id : subject));
  expect(await find('--find', 'user=u7')).toEqual(['ranking.billed', 'badge.paid', 'order-7']);
  expect(await find('--find', 'user=u7', '--find', 'n=7', '--subject', 'video.>')).toEqual(['order-7']);
  expect(await find('--subject', 'video.*', '--limit', '2')).toEqual(['order-13', 'order-7']);
  expect(await find('--find', 'user=u', '--since', '1h')).toEqual([]);
  const { stdout } = await searchText('--find', 'n=13');
  expect(stdout.split('\n')[1]).toMatch(/^20\S+Z {2}video\.ordered {2}EVENTS:\d+ {2}order-13$/);
});

const searchText = (...flags: string[]) => jetplug(['trace', ...flags, '--servers', server.url]);

test.each([
  ['nothing', []],
  ['an event and a search', ['order-1', '--find', 'n=1']],
  ['a condition without a value', ['--find', 'user']],
  ['a limit that is no number', ['--find', 'n=1', '--limit', 'many']],
  ['a subject with a space', ['--subject', 'a b']],
])('%s is a mistake in the command, which is explained', async (_mistake, flags) => {
  const { code, errors } = await jetplug(['trace', ...flags, '--servers', server.url, '--json']);
  expect([code, errors()]).toMatchObject([1, [{ code: 'JP_USAGE' }]]);
});

test('an unknown event, and a server without records, are explained', async () => {
  const unknown = await jetplug(['trace', 'order-99', '--servers', server.url, '--json']);
  expect([unknown.code, unknown.errors()]).toMatchObject([1, [{ code: 'JP_TRACE_UNKNOWN' }]]);
  await eventually(() => jsm.streams.delete('RUNS'));
  const missing = await jetplug(['trace', 'order-1', '--servers', server.url, '--json']);
  expect([missing.code, missing.errors()]).toMatchObject([1, [{ code: 'JP_RUNS_MISSING' }]]);
});
