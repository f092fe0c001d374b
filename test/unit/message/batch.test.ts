import { BatchFailure, defineEvent, Reject, RetryLater, type BatchContext } from 'jetplug/sdk';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import type { TextStore } from '../../../host/effects/text-store';
import type { Failures } from '../../../host/message/failures/failures';
import type { Handler } from '../../../host/message/handler';
import { Intake } from '../../../host/message/intake/intake';
import { Limiter } from '../../../host/base/limiter';
import type { Envelope } from '../../../sdk/internal';
import { MessageBench, type FakeDelivery, type Given } from '../../support/message-bench';
import { systemClock } from '../../../host/base/time';

type Event = Envelope & { n: number };

/** A handler of batches behind an intake. */
class Batches {
  /** The numbers of the events of each call. */
  readonly calls: number[][] = [];
  readonly store: TextStore<number>;
  readonly bench: MessageBench;
  readonly bus: JetStreamEventBus;
  readonly intake: Intake;
  private sequence = 0;

  constructor(handle: (events: Event[], context: BatchContext, all: Batches) => unknown, over: Partial<Handler> = {}) {
    this.bench = new MessageBench(
      (events, context) => {
        this.calls.push((events as unknown as Event[]).map(({ n }) => n));
        return handle(events as unknown as Event[], context as unknown as BatchContext, this);
      },
      { batch: { size: 3, waitMs: 1_000 }, concurrency: 2, retry: { attempts: 2, backoffMs: [1_000] }, ...over },
    );
    this.store = this.bench.store<number>();
    this.bus = new JetStreamEventBus(this.bench.handler.outgoing, systemClock);
    this.intake = new Intake(this.bench.handler, {
      ackWaitMs: 15_000,
      prefetch: { least: 9, first: 9, most: 9 },
      counters: this.bench.handler.counters,
      maxBuffered: Infinity,
      suspects: new Limiter(1),
      onCapacity: () => undefined,
      onFull: () => undefined,
    });
  }

  async offer(count: number, given: Given = {}): Promise<FakeDelivery[]> {
    const deliveries = Array.from({ length: count }, () => {
      const sequence = ++this.sequence;
      return this.bench.delivery({ n: sequence }, { sequence, ...given });
    });
    for (const delivery of deliveries) this.intake.offer(delivery, this.bench.handler);
    await settle();
    return deliveries;
  }
}

const FAILED_ONCE: Failures = { charged: 0, provisional: 1, outages: 0, deaths: 0 };

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};
const answers = (deliveries: readonly FakeDelivery[]) => deliveries.map((delivery) => delivery.answers.join());
const NAK = expect.stringMatching(/^nak \d+$/) as string;

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] }));
afterEach(() => jest.useRealTimers());

test('a full batch runs at once, and all its events are acknowledged when the handler returns', async () => {
  const batches = new Batches(() => Promise.resolve());
  const deliveries = await batches.offer(2);
  expect(batches.calls).toEqual([]);
  deliveries.push(...(await batches.offer(2)));
  expect(batches.calls).toEqual([[1, 2, 3]]);
  expect(answers(deliveries)).toEqual(['ack', 'ack', 'ack', '']);
  expect(batches.bench.handler.counters.handled).toBe(3);
});

test('a batch that is not full runs when its first event has waited for `waitMs`', async () => {
  const batches = new Batches(() => undefined);
  await batches.offer(1);
  await jest.advanceTimersByTimeAsync(600);
  await batches.offer(1);
  expect(batches.calls).toEqual([]);
  await jest.advanceTimersByTimeAsync(500);
  expect(batches.calls).toEqual([[1, 2]]);
  await batches.offer(1);
  await jest.advanceTimersByTimeAsync(1_100);
  expect(batches.calls).toEqual([[1, 2], [3]]);
});

test('BatchFailure settles each event on its own: the other events are handled, and the events published for them are sent', async () => {
  const batches = new Batches(async (events, _context, { bus }) => {
    for (const event of events) await bus.publish('a.b', { n: event.n }, { for: event });
    if (events.length < 2) return;
    throw new BatchFailure([
      { index: 0, error: new Error('broken') },
      { index: 2, error: new Reject('never') },
    ]);
  });
  const deliveries = await batches.offer(3);
  expect(answers(deliveries)).toEqual([NAK, 'ack', 'term rejected']);
  expect(batches.bench.sent.map(({ payload }) => (JSON.parse(payload) as Event).n)).toEqual([2]);
  expect(batches.bench.failures.get(1)).toMatchObject({ provisional: 1 });
});

test('a handler can postpone one event of a batch, without using up an attempt', async () => {
  const batches = new Batches(() => {
    throw new BatchFailure([{ index: 1, error: new RetryLater('5s') }]);
  });
  expect(answers(await batches.offer(3))).toEqual(['ack', 'nak 5000', 'ack']);
  expect(batches.bench.failures.size).toBe(0);
});

test.each([
  ['any other error', new Error('broken')],
  ['a BatchFailure that names nothing', new BatchFailure([])],
  ['a BatchFailure that names an event it does not have', new BatchFailure([{ index: 2, error: new Error('x') }])],
])('%s fails the whole batch, and each event is retried alone', async (_what, error) => {
  const over = { batch: { size: 2, waitMs: 1_000 } };
  const batches = new Batches((events) => {
    if (events.length > 1) throw error;
  }, over);
  expect(answers(await batches.offer(2))).toEqual([NAK, NAK]);
  expect(batches.bench.letters).toEqual([]);
  const again = [1, 2].map((sequence) => batches.bench.delivery({ n: sequence }, { sequence, deliveryCount: 2 }));
  for (const delivery of again) batches.intake.offer(delivery, batches.bench.handler);
  await settle();
  expect(batches.calls).toEqual([[1, 2], [1], [2]]);
  expect(answers(again)).toEqual(['ack', 'ack']);
});

test('an event redelivered after a stop or a crash, without a failure, runs in a batch and is marked while it runs', async () => {
  const batches = new Batches(() => undefined);
  expect(answers(await batches.offer(3, { deliveryCount: 2 }))).toEqual(['ack', 'ack', 'ack']);
  expect(batches.calls).toEqual([[1, 2, 3]]);
  expect(batches.bench.journal.slice(0, 3)).toEqual(['started 1', 'started 2', 'started 3']);
});

test('an invalid event never joins a batch', async () => {
  const batches = new Batches(() => undefined);
  const bad = batches.bench.delivery('no json', { sequence: 99 });
  batches.intake.offer(bad, batches.bench.handler);
  const good = await batches.offer(2);
  expect(batches.calls).toEqual([[1, 2]]);
  expect(answers([bad, ...good])).toEqual(['term invalid-json', 'ack', 'ack']);
});

test('in a batch, store and bus require the event that a call is for, and apply an update once for each event', async () => {
  const codes: string[] = [];
  const values: number[] = [];
  const batches = new Batches(async (events, _context, { store, bus }) => {
    const refused = async (work: Promise<unknown>): Promise<unknown> =>
      work.catch((error: unknown) => codes.push((error as { code: string }).code));
    await refused(store.update('k', (n = 0) => n + 1));
    await refused(store.delete('k', { for: { n: 1 } }));
    await refused(bus.publish('a.b', {}));
    for (const event of events) values.push(await store.update('k', (n = 0) => n + 1, { for: event }));
    expect(await store.get('k')).toBe(3);
  });
  await batches.offer(3);
  expect(codes).toEqual(['JP_BATCH_EVENT', 'JP_BATCH_EVENT', 'JP_BATCH_EVENT']);
  expect(values).toEqual([1, 2, 3]);
  expect(await batches.store.get('k')).toBe(3);
});

test('the context has the delivery of each event; a timeout aborts its signal, and all events are retried', async () => {
  let signal: AbortSignal | undefined;
  const batches = new Batches(
    (events, context) => {
      signal = context.signal;
      expect(events.map((event) => context.of(event).sequence)).toEqual([1, 2]);
      expect(() => context.of({})).toThrow('no event of its batch');
      return new Promise(() => undefined);
    },
    { timeoutMs: 1_000, batch: { size: 2, waitMs: 1_000 } },
  );
  const deliveries = await batches.offer(2);
  batches.intake.sweep(performance.now() + 1_001);
  await settle();
  expect(signal?.aborted).toBe(true);
  expect(answers(deliveries)).toEqual([NAK, NAK]);
  expect([...batches.bench.failures.values()].map(({ provisional }) => provisional)).toEqual([1, 1]);
});

test('a stop nacks the events that wait for a full batch, and a running batch may finish', async () => {
  let finish = (): void => undefined;
  const batches = new Batches(() => new Promise<void>((resolve) => (finish = resolve)));
  const deliveries = await batches.offer(5);
  const stopped = batches.intake.stop(1_000);
  expect(answers(deliveries)).toEqual(['', '', '', 'nak', 'nak']);
  finish();
  await stopped;
  expect(answers(deliveries)).toEqual(['ack', 'ack', 'ack', 'nak', 'nak']);
});

test('a member that must run alone does not begin after the grace period', async () => {
  const batches = new Batches(() => new Promise(() => undefined), { batch: { size: 2, waitMs: 1_000 } });
  for (const sequence of [1, 2]) batches.bench.failures.set(sequence, FAILED_ONCE);
  const deliveries = await batches.offer(2, { deliveryCount: 2 });
  expect(batches.calls).toEqual([[1]]);
  const read = jest.spyOn(batches.bench.handler.attempts, 'read');
  const stopped = batches.intake.stop(20_000);
  await jest.advanceTimersByTimeAsync(20_000);
  await stopped;
  expect(batches.calls).toEqual([[1]]);
  expect(read).not.toHaveBeenCalled();
  expect(answers(deliveries)).toEqual(['nak', 'nak']);
  expect([1, 2].map((sequence) => batches.bench.failures.get(sequence)?.provisional)).toEqual([1, 1]);
});

test('a batch of which one event is still validated does not begin after the grace period', async () => {
  const schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        (value as Event).n === 2 ? new Promise<never>(() => undefined) : { value: value as Event },
    },
  } as const;
  const contract = defineEvent('video.watch_started', schema);
  const batches = new Batches(() => undefined, { contract, batch: { size: 2, waitMs: 1_000 } });
  const deliveries = await batches.offer(2);
  const stopped = batches.intake.stop(20_000);
  await jest.advanceTimersByTimeAsync(20_000);
  await stopped;
  expect(batches.calls).toEqual([]);
  expect(answers(deliveries)).toEqual(['nak', 'nak']);
  expect(batches.bench.handler.counters.runs).toBe(0);
});

test('an event of a batch that another host has committed is acknowledged, and the others are handled in a new call', async () => {
  const batches = new Batches(async (events, _context, { store, bench }) => {
    if (events.length === 3) bench.commits.commitElsewhere({ sequence: 2 });
    for (const event of events) await store.update('k', (n = 0) => n + 1, { for: event });
  });
  expect(answers(await batches.offer(3))).toEqual(['ack', 'ack', 'ack']);
  expect(batches.calls).toEqual([
    [1, 2, 3],
    [1, 3],
  ]);
  expect(await batches.store.get('k')).toBe(2);
  expect(batches.bench.failures.size).toBe(0);
});

test('events that run alone after a batch do not wait for the key of one whose commit had a conflict', async () => {
  const batches = new Batches(async ([event], _context, { calls, store, bench }) => {
    const isFirst = calls.length === 1;
    await store.update('k', (n = 0) => n + 1, { for: event! });
    if (isFirst) bench.commits.commitElsewhere({ writes: { k: '10' } });
  });
  for (const sequence of [1, 2, 3]) batches.bench.failures.set(sequence, FAILED_ONCE);
  expect(answers(await batches.offer(3, { deliveryCount: 2 }))).toEqual(['ack', 'ack', 'ack']);
  expect(batches.calls).toEqual([[1], [1], [2], [3]]);
  expect(await batches.store.get('k')).toBe(13);
});

test('all events of a batch that change one key are settled by its commit, so a crash before the acks repeats no change', async () => {
  const batches = new Batches(async (events, _context, { store }) => {
    for (const event of events) await store.update('k', (n = 0) => n + 1, { for: event });
  });
  await batches.offer(3);
  expect(batches.bench.journal.slice(0, 3)).toEqual(['commit 1', 'commit 2', 'commit 3']);
});

test('a BatchFailure leaves out the changes for the events that failed', async () => {
  const batches = new Batches(async (events, _context, { store }) => {
    for (const event of events) await store.update(`k${event.n}`, () => event.n, { for: event });
    if (events.length > 1) throw new BatchFailure([{ index: 1, error: new Error('broken') }]);
  });
  expect(answers(await batches.offer(3))).toEqual(['ack', NAK, 'ack']);
  expect((await batches.store.keys()).sort()).toEqual(['k1', 'k3']);
});

test('if a change for a handled event may contain one for a failed event, the handled event runs again', async () => {
  const batches = new Batches(async (events, _context, { store }) => {
    for (const event of events) await store.update('sum', (n = 0) => n + event.n, { for: event });
    if (events.length > 2) throw new BatchFailure([{ index: 1, error: new Error('broken') }]);
  });
  expect(answers(await batches.offer(3))).toEqual(['ack', NAK, 'ack']);
  expect(batches.calls).toEqual([
    [1, 2, 3],
    [1, 3],
  ]);
  expect(await batches.store.get('sum')).toBe(4);
});

test('a batch that fails as a whole changes nothing', async () => {
  const batches = new Batches(async (events, _context, { store }) => {
    for (const event of events) await store.update('sum', (n = 0) => n + event.n, { for: event });
    throw new Error('broken');
  });
  expect(answers(await batches.offer(3))).toEqual([NAK, NAK, NAK]);
  expect(await batches.store.keys()).toEqual([]);
});
