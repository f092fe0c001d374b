import type { Msg, SubscriptionOptions } from 'nats';
import { AckWriter } from '../../../host/nats/ack-writer';
import type { Connection } from '../../../host/nats/connection';
import { PinnedPull } from '../../../host/nats/pinned-pull';
import type { Pull } from '../../../host/nats/pull';
import type { Delivery } from '../../../host/broker/delivery';
import type { PinSink, PullSink } from '../../../host/broker/pull';
import { SharedTimer } from '../../../host/base/shared-timer';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const CAPACITY = 8;

interface Request {
  readonly batch: number;
  readonly group: string;
  readonly id?: string;
  readonly no_wait?: boolean;
}

/** A server whose messages the test sends to a pull of a pinned durable. */
class Bench {
  readonly requests: Request[] = [];
  readonly kept: Request[] = [];
  readonly unpinned: string[] = [];
  readonly calls: string[] = [];
  readonly acks: string[] = [];
  isBusy = true;
  keeps: (delivery: Delivery) => void = () => undefined;
  /** The status that answers the requests which only keep the pin. */
  keepStatus = 404;
  private callbacks: NonNullable<SubscriptionOptions['callback']>[] = [];
  readonly pull: PinnedPull;

  constructor() {
    const nc = {
      isClosed: () => false,
      subscribe: (_inbox: string, { callback }: SubscriptionOptions) => {
        this.callbacks.push(callback!);
        return { isClosed: () => false, drain: () => Promise.resolve(), unsubscribe: () => undefined };
      },
      publish: (_subject: string, request: string) => this.requests.push(JSON.parse(request) as Request),
    };
    const ackWriter = new AckWriter((commands) => void this.acks.push(Buffer.from(commands).toString()));
    const connection = {
      ...{ nc, ackWriter, apiPrefix: '$JS.API', connected: true },
      newInbox: () => `inbox ${this.callbacks.length}`,
      onReconnect: () => () => undefined,
      pulls: new SharedTimer<Pull>(2_500, (pull) => pull.watch()),
      requests: {
        ask: (_subject: string, request: string, read: (answer: Msg) => unknown) => {
          this.kept.push(JSON.parse(request) as Request);
          return Promise.resolve(read({ headers: { code: this.keepStatus } } as unknown as Msg));
        },
        askApi: (request: string) => {
          this.unpinned.push(request);
          return Promise.resolve({});
        },
      },
    };
    const sink: PullSink = {
      capacity: () => CAPACITY,
      deliver: (delivery) => {
        this.keeps(delivery);
        this.calls.push(`delivered ${delivery.deliveryCount}`);
      },
      gone: (why) => this.calls.push(`gone: ${why}`),
      returned: () => this.calls.push('returned'),
      trouble: (message) => this.calls.push(message),
      refused: (reason) => this.calls.push(`refused: ${reason}`),
      served: () => this.calls.push('served'),
    };
    const pinSink: PinSink = {
      absent: () => this.calls.push('absent'),
      taken: () => this.calls.push('taken'),
      lost: () => this.calls.push('lost'),
      isBusy: () => this.isBusy,
    };
    this.pull = new PinnedPull(connection as unknown as Connection, 'EVENTS', 'badge-award', sink, pinSink);
    this.pull.start();
  }

  /** Sends a message with a pin, to the newest inbox or to the one before. */
  message(pin: string | undefined, sequence = 1, to: 'newest' | 'former' = 'newest'): void {
    const header = Buffer.from(`NATS/1.0\r\n${pin === undefined ? 'x: y' : `Nats-Pin-Id: ${pin}`}\r\n\r\n`);
    const reply = `$JS.ACK.EVENTS.badge-award.1.${sequence}.3.1778587200123456789.0`;
    const message = { reply, _msg: { hdr: header.length }, _rdata: Buffer.concat([header, Buffer.from('{}')]) };
    this.callbacks.at(to === 'newest' ? -1 : -2)!(null, message as unknown as Msg);
  }

  status(code: number): void {
    const headers = { code, description: '', get: () => '' };
    this.callbacks.at(-1)!(null, { subject: 'inbox', headers } as unknown as Msg);
  }

  get last(): Request {
    return this.requests.at(-1)!;
  }

  /** Gives the pin to this host, and lets it take messages. */
  take(pin: string): void {
    this.message(pin);
    this.pull.found();
  }
}

test('a host asks for one message until it has the pin, leaves that message to be delivered again, and then asks for more', () => {
  const bench = new Bench();
  expect(bench.last).toMatchObject({ batch: 1, group: 'jetplug' });
  expect(bench.last.id).toBeUndefined();
  bench.message('P1');
  expect(bench.calls).toEqual(['taken']);
  expect(bench.requests).toHaveLength(1);
  expect(bench.pull.pin.isHeld).toBe(true);
  bench.pull.found();
  expect(bench.last).toMatchObject({ batch: CAPACITY, group: 'jetplug', id: 'P1' });
  bench.message('P1');
  expect(bench.calls).toEqual(['taken', 'delivered 1']);
});

test('a message without a pin is left to other hosts, and the durable is to be checked', async () => {
  const bench = new Bench();
  bench.message(undefined);
  await jest.advanceTimersByTimeAsync(100);
  expect(bench.calls).toEqual(['absent']);
  expect(bench.acks.join()).toContain('-NAK');
  expect(bench.pull.pin.isHeld).toBe(false);
});

test('the pin is kept by a request each second, unless other requests have renewed it', async () => {
  const bench = new Bench();
  bench.take('P1');
  await jest.advanceTimersByTimeAsync(3_000);
  expect(bench.kept.length).toBeGreaterThanOrEqual(2);
  expect(bench.kept[0]).toEqual({ batch: 1, max_bytes: 1, no_wait: true, group: 'jetplug', id: 'P1' });
  expect(bench.unpinned).toEqual([]);
});

test.each(['the answer to a request', 'the answer to the request that keeps it'])(
  'a host that has lost the pin by %s drops its deliveries and stands by',
  async (by) => {
    const bench = new Bench();
    bench.take('P1');
    if (by === 'the answer to a request') bench.status(423);
    else {
      bench.keepStatus = 423;
      await jest.advanceTimersByTimeAsync(2_000);
    }
    expect(bench.calls).toEqual(['taken', 'lost']);
    expect(bench.pull.pin.isHeld).toBe(false);
    expect(bench.last.batch).toBe(1);
    expect(bench.last.id).toBeUndefined();
    // A late message of the former pin gives no pin back.
    bench.message('P1', 2, 'former');
    expect(bench.pull.pin.isHeld).toBe(false);
    bench.message('P2');
    expect(bench.calls).toEqual(['taken', 'lost', 'taken']);
    // Nor is it handled, because older events are delivered again with the new pin.
    bench.pull.found();
    bench.message('P1', 3, 'former');
    expect(bench.calls).toEqual(['taken', 'lost', 'taken']);
    bench.message('P2', 1);
    expect(bench.calls).toEqual(['taken', 'lost', 'taken', 'delivered 1']);
  },
);

test('the acks of deliveries from before the loss of the pin are not sent', async () => {
  const bench = new Bench();
  const deliveries: { ack(): void }[] = [];
  bench.take('P1');
  bench.keeps = (delivery) => deliveries.push(delivery);
  bench.message('P1', 7);
  bench.message('P1', 8);
  deliveries[0]!.ack();
  bench.status(423);
  bench.acks.splice(0, bench.acks.length - 1);
  deliveries[1]!.ack();
  await jest.advanceTimersByTimeAsync(100);
  expect(bench.acks.join()).not.toContain('.8.');
});

test.each<[what: string, ask: (pull: PinnedPull) => void]>([
  ['has its requests renewed', (pull) => pull.renew()],
  [
    'pauses and resumes',
    (pull) => {
      pull.pause();
      pull.resume();
    },
  ],
])('a host that has the pin and %s takes over the events once more before it asks for others', (_what, ask) => {
  const bench = new Bench();
  bench.take('P1');
  const before = bench.requests.length;
  ask(bench.pull);
  expect(bench.calls).toEqual(['taken', 'taken']);
  expect(bench.requests).toHaveLength(before);
  bench.pull.found();
  expect(bench.last).toMatchObject({ batch: CAPACITY, id: 'P1' });
});

test('a host that stands by renews its request without a takeover', () => {
  const bench = new Bench();
  bench.pull.renew();
  expect(bench.calls).toEqual([]);
  expect(bench.last).toMatchObject({ batch: 1 });
});

test('a host can ask the server whether it still has the pin', async () => {
  const bench = new Bench();
  bench.take('P1');
  await expect(bench.pull.pin.confirm()).resolves.toBe(true);
  bench.keepStatus = 423;
  await expect(bench.pull.pin.confirm()).resolves.toBe(false);
  expect(bench.calls).toEqual(['taken', 'lost']);
});

test('a host does not ask for the pin while it may not take it', () => {
  const bench = new Bench();
  bench.pull.pin.standBy(false);
  bench.pull.request();
  expect(bench.requests).toHaveLength(1);
  bench.pull.pin.standBy(true);
  expect(bench.requests).toHaveLength(2);
});

test('a host gives up the pin of an idle durable after 15 s, and asks for it again', async () => {
  const bench = new Bench();
  bench.take('P1');
  const passes = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      bench.status(100);
      await jest.advanceTimersByTimeAsync(1_000);
    }
  };
  await passes(60_000);
  expect(bench.unpinned).toEqual([]);
  bench.isBusy = false;
  await passes(14_000);
  expect(bench.unpinned).toEqual([]);
  await passes(2_000);
  expect(bench.unpinned).toEqual(['CONSUMER.UNPIN.EVENTS.badge-award']);
  expect(bench.pull.pin.isHeld).toBe(false);
  expect(bench.last.batch).toBe(1);
  expect(bench.calls).toEqual(['taken']);
});

test('events that were delivered before a reset count as redelivered', () => {
  const bench = new Bench();
  bench.take('P1');
  bench.pull.pin.countRedelivered(5);
  bench.message('P1', 5);
  bench.message('P1', 6);
  expect(bench.calls).toEqual(['taken', 'delivered 2', 'delivered 1']);
});
