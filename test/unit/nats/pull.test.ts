import { createInbox, NatsError, type Msg, type SubscriptionOptions } from 'nats';
import { AckWriter } from '../../../host/nats/ack-writer';
import type { Connection } from '../../../host/nats/connection';
import { Pull } from '../../../host/nats/pull';
import { SharedTimer } from '../../../host/base/shared-timer';
import type { PullSink } from '../../../host/broker/pull';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const CAPACITY = 8;
const SILENT_MS = 15_000;

/** A server whose messages the test sends, and a sink whose capacity the test sets. */
class Bench {
  /** How many messages each request asked for. */
  readonly requests: number[] = [];
  /** How long each request waits. */
  readonly waitsMs: number[] = [];
  /** The calls of the sink. */
  readonly calls: string[] = [];
  private inbox = '';
  /** Receives messages for the first inbox of the pull. */
  private firstCallback: SubscriptionOptions['callback'];
  private callback: NonNullable<SubscriptionOptions['callback']> = () => undefined;
  private isClosed = false;
  readonly pull: Pull;

  constructor(public capacity = CAPACITY) {
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
      capacity: () => this.capacity,
      deliver: (_delivery, isLate) => this.calls.push(isLate ? 'delivered late' : 'delivered'),
      gone: (why) => this.calls.push(`gone: ${why}`),
      returned: () => this.calls.push('returned'),
      trouble: (message) => this.calls.push(message),
      refused: (reason) => this.calls.push(`refused: ${reason}`),
      served: () => this.calls.push('served'),
    };
    this.pull = new Pull(connection as unknown as Connection, 'EVENTS', 'badge-award', sink);
    this.pull.start();
  }

  status(code: number, description = ''): void {
    this.callback(null, { subject: this.inbox, headers: { code, description, get: () => '' } } as unknown as Msg);
  }

  /** Sends a message to the newest inbox or the first one. */
  message(to: 'first' | 'newest' = 'newest'): void {
    const reply = '$JS.ACK.EVENTS.badge-award.1.7.3.1778587200123456789.0';
    const message = { reply, _msg: { hdr: -1 }, _rdata: Buffer.from('{}') } as unknown as Msg;
    (to === 'first' ? this.firstCallback : this.callback)?.(null, message);
  }

  /** The server does not permit the subscription: the client reports that and closes it. */
  deny(): void {
    this.callback(new NatsError('Permissions Violation', 'PERMISSIONS_VIOLATION'), {} as Msg);
    this.isClosed = true;
  }
}

test('while the server sends heartbeats no new request is sent', async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) {
    await jest.advanceTimersByTimeAsync(5_000);
    bench.status(100);
  }
  expect(bench.requests).toEqual([CAPACITY]);
  expect(bench.calls).toEqual([]);
});

test('a small request expires after 2 min, a large one after 30 s', () => {
  const [small, large] = [new Bench(100), new Bench(101)];
  expect([small.waitsMs, large.waitsMs]).toEqual([[120_000], [30_000]]);
});

test('when the server falls silent the sink checks the durable within 15 s, and new requests follow', async () => {
  const bench = new Bench();
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  expect(bench.calls).toEqual(['no heartbeat from the server; sending new pull requests', 'returned']);
  bench.pull.found();
  expect(bench.requests).toEqual([CAPACITY, CAPACITY]);
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  expect(bench.calls.filter((line) => line === 'returned')).toHaveLength(2);
});

test('a request is sent where there is capacity and none is outstanding', async () => {
  const bench = new Bench();
  bench.capacity = 0;
  // The request ends, and there is no capacity for another.
  bench.status(408);
  bench.capacity = 4;
  await jest.advanceTimersByTimeAsync(2_500);
  expect(bench.requests).toEqual([CAPACITY, 4]);
});

test('a subscription that was not permitted is created again', async () => {
  const bench = new Bench();
  bench.deny();
  await jest.advanceTimersByTimeAsync(SILENT_MS);
  bench.pull.found();
  bench.status(100);
  await jest.advanceTimersByTimeAsync(10_000);
  expect(bench.calls).toEqual([
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
  expect(stopped.calls).toEqual([]);
  expect(paused.calls).toEqual([]);
  expect(paused.requests).toEqual([CAPACITY]);
});

test('a refusal is reported once, requests are retried, and the next heartbeat reports that they are served', async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) {
    bench.status(409, 'Exceeded MaxWaiting');
    await jest.advanceTimersByTimeAsync(500);
  }
  expect(bench.requests).toHaveLength(21);
  expect(bench.calls).toEqual(['refused: 409 Exceeded MaxWaiting']);
  bench.status(100);
  bench.status(100);
  expect(bench.calls.slice(1)).toEqual(['served']);
});

test('where the server limits a request, several requests fill the capacity, until the durable changes', async () => {
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
  [412, 'Precondition Failed'],
])('a %d %s is a refusal, and a change of its reason is reported', async (code, description) => {
  const bench = new Bench();
  bench.status(409, 'Exceeded MaxRequestBatch of 5');
  await jest.advanceTimersByTimeAsync(500);
  bench.status(code, description);
  expect(bench.calls).toEqual(['refused: 409 Exceeded MaxRequestBatch of 5', `refused: ${code} ${description}`]);
});

test('a status that passes by itself is not a refusal', async () => {
  const bench = new Bench();
  bench.status(409, 'Server Shutdown');
  bench.status(409, 'Leadership Change');
  await jest.advanceTimersByTimeAsync(500);
  expect(bench.calls).toEqual([]);
  expect(bench.requests).toEqual([CAPACITY, CAPACITY]);
});

test('a suspended pull sends no request until its durable is found', async () => {
  const bench = new Bench();
  bench.pull.suspend();
  bench.pull.request();
  bench.pull.renew();
  await jest.advanceTimersByTimeAsync(60_000);
  expect(bench.requests).toEqual([CAPACITY]);
  bench.pull.found();
  expect(bench.requests).toEqual([CAPACITY, CAPACITY]);
});

test('a message for a request from before the suspension is late', () => {
  const bench = new Bench();
  bench.message();
  bench.pull.suspend();
  bench.message('first');
  bench.pull.found();
  bench.message('first');
  bench.message();
  expect(bench.calls).toEqual(['delivered', 'delivered late', 'delivered late', 'delivered']);
});

test('an idle pull is renewed at the second nudge', () => {
  const bench = new Bench();
  bench.pull.nudge();
  expect(bench.requests).toEqual([CAPACITY]);
  bench.pull.nudge();
  expect(bench.requests).toEqual([CAPACITY, CAPACITY]);
});
