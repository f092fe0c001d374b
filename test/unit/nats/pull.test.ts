import { createInbox, NatsError, type Msg, type SubscriptionOptions } from 'nats';
import { AckWriter } from '../../../host/nats/ack-writer';
import type { Connection } from '../../../host/nats/connection';
import { Pull } from '../../../host/nats/pull';
import { SharedTimer } from '../../../host/base/shared-timer';
import type { PullSink } from '../../../host/broker/pull';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const ROOM = 8;
const SILENT_MS = 15_000;

/** A server that says what it is told to, and a sink whose room is the test's to set. */
class Bench {
  /** How many messages each request asked for. */
  readonly requests: number[] = [];
  /** How long each request waits. */
  readonly waitsMs: number[] = [];
  /** What the sink was told. */
  readonly told: string[] = [];
  private inbox = '';
  /** Gives a message to the subscription that the pull made first. */
  private firstCallback: SubscriptionOptions['callback'];
  private callback: NonNullable<SubscriptionOptions['callback']> = () => undefined;
  private isClosed = false;
  readonly pull: Pull;

  constructor(public room = ROOM) {
    const nc = {
      isClosed: () => false,
      subscribe: (inbox: string, { callback }: SubscriptionOptions) => {
        Object.assign(this, { inbox, callback });
        this.firstCallback ??= callback;
        this.isClosed = false;
        return { isClosed: () => this.isClosed, drain: () => Promise.resolve(), unsubscribe: () => undefined };
      },
      publish: (_subject: string, request: string) => {
        const { batch, expires } = JSON.parse(request) as { batch: number; expires: number };
        this.requests.push(batch);
        this.waitsMs.push(expires / 1_000_000);
      },
    };
    const connection = {
      nc,
      ackWriter: new AckWriter(() => undefined),
      apiPrefix: '$JS.API',
      newInbox: () => createInbox(),
      connected: true,
      onReconnect: () => () => undefined,
      pulls: new SharedTimer<Pull>(2_500, (pull) => pull.watch()),
    };
    const sink: PullSink = {
      room: () => this.room,
      deliver: (_delivery, isLate) => this.told.push(isLate ? 'delivered late' : 'delivered'),
      gone: (why) => this.told.push(`gone: ${why}`),
      returned: () => this.told.push('returned'),
      trouble: (message) => this.told.push(message),
      refused: (reason) => this.told.push(`refused: ${reason}`),
      served: () => this.told.push('served'),
    };
    this.pull = new Pull(connection as unknown as Connection, 'EVENTS', 'badge-award', sink);
    this.pull.start();
  }

  status(code: number, description = ''): void {
    this.callback(null, { subject: this.inbox, headers: { code, description, get: () => '' } } as unknown as Msg);
  }

  /** A message, in answer to a request of the newest inbox or of the first one. */
  message(to: 'first' | 'newest' = 'newest'): void {
    const reply = '$JS.ACK.EVENTS.badge-award.1.7.3.1778587200123456789.0';
    const message = { reply, _msg: { hdr: -1 }, _rdata: Buffer.from('{}') } as unknown as Msg;
    (to === 'first' ? this.firstCallback : this.callback)?.(null, message);
  }

  /** The server does not permit the subscription: the client says so and closes it. */
  deny(): void {
    this.callback(new NatsError('Permissions Violation', 'PERMISSIONS_VIOLATION'), {} as Msg);
    this.isClosed = true;
  }
}

test('while the server gives a sign of life nothing is asked for again', async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) {
    await jest.advanceTimersByTimeAsync(5_000);
    bench.status(100);
  }
  expect(bench.requests).toEqual([ROOM]);
  expect(bench.told).toEqual([]);
});

test('a small request waits for 2 min; a large one, whose handler may become slow, for 30 s', () => {
  const [small, large] = [new Bench(100), new Bench(101)];
  expect([small.waitsMs, large.waitsMs]).toEqual([[120_000], [30_000]]);
});

test('when the server falls silent the consumer is looked for within 15 s, and pulled from anew', async () => {
  const bench = new Bench();
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  expect(bench.told).toEqual(['no heartbeat from the server; sending new pull requests', 'returned']);
  bench.pull.found();
  expect(bench.requests).toEqual([ROOM, ROOM]);
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  expect(bench.told.filter((line) => line === 'returned')).toHaveLength(2);
});

test('where there is room and nothing is asked for, it is asked for, though nobody said so', async () => {
  const bench = new Bench();
  bench.room = 0;
  // What was asked for ends, and there is no room for more.
  bench.status(408);
  bench.room = 4;
  await jest.advanceTimersByTimeAsync(2_500);
  expect(bench.requests).toEqual([ROOM, 4]);
});

test('a subscription that was not permitted is made again', async () => {
  const bench = new Bench();
  bench.deny();
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  bench.pull.found();
  bench.status(100);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(bench.told).toEqual([
    'pull subscription failed',
    'no heartbeat from the server; sending new pull requests',
    'returned',
  ]);
});

test('a pull that is stopped or paused is not watched', async () => {
  const [stopped, paused] = [new Bench(), new Bench()];
  await stopped.pull.stop();
  paused.pull.pause();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(stopped.told).toEqual([]);
  expect(paused.told).toEqual([]);
  expect(paused.requests).toEqual([ROOM]);
});

test('refused pulls are said once, asked for again, and said to be served at the next sign of life', async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) {
    bench.status(409, 'Exceeded MaxWaiting');
    await jest.advanceTimersByTimeAsync(500);
  }
  expect(bench.requests).toHaveLength(21);
  expect(bench.told).toEqual(['refused: 409 Exceeded MaxWaiting']);
  bench.status(100);
  bench.status(100);
  expect(bench.told.slice(1)).toEqual(['served']);
});

test('where the server limits a request, several requests ask for the room, until the durable is another', async () => {
  const bench = new Bench(12);
  bench.status(409, 'Exceeded MaxRequestBatch of 5');
  await jest.advanceTimersByTimeAsync(500);
  expect(bench.requests).toEqual([12, 5, 5, 2]);
  bench.pull.renew();
  expect(bench.requests.slice(4)).toEqual([12]);
});

test.each([
  [409, 'Exceeded MaxRequestExpires of 5s'],
  [409, 'Exceeded MaxWaiting'],
  [400, 'Bad Request - Priority Group missing'],
  [423, 'Nats-Wrong-Pin-Id'],
])('a %d %s is a refusal, and a change of its reason is told', async (code, description) => {
  const bench = new Bench();
  bench.status(409, 'Exceeded MaxRequestBatch of 5');
  await jest.advanceTimersByTimeAsync(500);
  bench.status(code, description);
  expect(bench.told).toEqual(['refused: 409 Exceeded MaxRequestBatch of 5', `refused: ${code} ${description}`]);
});

test('what passes by itself is no refusal', async () => {
  const bench = new Bench();
  bench.status(409, 'Server Shutdown');
  bench.status(409, 'Leadership Change');
  await jest.advanceTimersByTimeAsync(500);
  expect(bench.told).toEqual([]);
  expect(bench.requests).toEqual([ROOM, ROOM]);
});

test('a pull that is held asks for nothing until its consumer is found', async () => {
  const bench = new Bench();
  bench.pull.hold();
  bench.pull.request();
  bench.pull.renew();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(bench.requests).toEqual([ROOM]);
  bench.pull.found();
  expect(bench.requests).toEqual([ROOM, ROOM]);
});

test('a message that answers a request from before the pull was held is late', () => {
  const bench = new Bench();
  bench.message();
  bench.pull.hold();
  bench.message('first');
  bench.pull.found();
  bench.message('first');
  bench.message();
  expect(bench.told).toEqual(['delivered', 'delivered late', 'delivered late', 'delivered']);
});

test('a pull that waits while events wait is renewed at the second nudge, and not while events come', () => {
  const bench = new Bench();
  bench.pull.nudge();
  expect(bench.requests).toEqual([ROOM]);
  bench.pull.nudge();
  expect(bench.requests).toEqual([ROOM, ROOM]);
});
