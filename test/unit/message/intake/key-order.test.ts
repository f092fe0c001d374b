import fc from 'fast-check';
import { Reject } from 'jetplug/sdk';
import type { Handler } from '../../../../host/message/handler';
import { Intake } from '../../../../host/message/intake/intake';
import { Limiter } from '../../../../host/base/limiter';
import { MessageBench, type FakeDelivery, type Given } from '../../../support/message-bench';

interface Running {
  readonly key: unknown;
  readonly sequence: number;
  finish(): void;
  fail(error: unknown): void;
}

/** An intake ordered by `user`, whose runs end when the test says so. */
class KeyedRuns {
  readonly running: Running[] = [];
  readonly begun: string[] = [];
  readonly handled: string[] = [];
  readonly bench: MessageBench;
  readonly intake: Intake;
  notices = 0;
  private sequence = 0;

  constructor(over: Partial<Handler> = {}, { maxBuffered = 1_000 } = {}) {
    this.bench = new MessageBench(
      (event, { sequence }) => {
        const key = (event as { user?: string }).user;
        const name = `${key}${sequence}`;
        expect(this.running.filter((other) => other.key === key && key !== undefined)).toEqual([]);
        this.begun.push(name);
        return new Promise<void>((resolve, reject) => {
          const finish = (): void => {
            this.handled.push(name);
            resolve();
          };
          this.running.push({ key, sequence, finish, fail: reject });
        });
      },
      { key: 'user', concurrency: 4, retry: { attempts: 3, backoffMs: [1_000] }, ...over },
    );
    this.intake = new Intake(this.bench.handler, {
      ackWaitMs: 15_000,
      prefetch: { least: 8, first: 8, most: 8 },
      counters: this.bench.handler.counters,
      maxBuffered,
      suspects: new Limiter(1),
      onCapacity: () => this.notices++,
      onFull: () => undefined,
    });
  }

  offer(user: unknown, given: Given = {}): FakeDelivery {
    const delivery = this.bench.delivery({ user }, { sequence: ++this.sequence, ...given });
    this.intake.offer(delivery, this.bench.handler);
    return delivery;
  }

  async end(index = 0, error?: unknown): Promise<void> {
    const [run] = this.running.splice(index, 1);
    if (error === undefined) run!.finish();
    else run!.fail(error);
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => process.nextTick(() => resolve()));
const after = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'performance'] }));
afterEach(() => jest.useRealTimers());

test('events of one key run one by one in order, concurrently with other keys and with events without a key', async () => {
  const runs = new KeyedRuns();
  for (const user of ['a', 'a', 'b', undefined, 'a']) runs.offer(user);
  expect(runs.begun).toEqual(['a1', 'b3', 'undefined4']);
  await runs.end(0);
  expect(runs.begun.at(-1)).toBe('a2');
  await runs.end(2);
  expect(runs.begun.at(-1)).toBe('a5');
});

test('the next events of a key wait for the retries of a failed event, other keys do not', async () => {
  const runs = new KeyedRuns();
  const [first, second] = [runs.offer('a'), runs.offer('a')];
  await runs.end(0, new Error('broken'));
  runs.offer('b');
  expect(runs.begun).toEqual(['a1', 'b3']);
  expect([first.answers, second.answers]).toEqual([[], []]);
  expect(runs.bench.failures.get(1)).toMatchObject({ provisional: 1 });
  await runs.end(0);
  await after(1_300);
  expect(runs.begun).toEqual(['a1', 'b3', 'a1']);
  await runs.end(0);
  expect(runs.begun.at(-1)).toBe('a2');
  expect([first.answers, second.answers]).toEqual([['ack'], []]);
});

test('the next event of a key runs after a dead-lettered one', async () => {
  const runs = new KeyedRuns();
  const first = runs.offer('a');
  runs.offer('a');
  await runs.end(0, new Reject('never'));
  expect(first.answers).toEqual(['term rejected']);
  expect(runs.begun).toEqual(['a1', 'a2']);
});

test('an event with a key and a long delay does not move to the retry queue, as others of its key would overtake it', async () => {
  const runs = new KeyedRuns({ retry: { attempts: 3, backoffMs: [120_000] } });
  runs.offer('a');
  await runs.end(0, new Error('broken'));
  expect(runs.bench.deferred).toEqual([]);
  await after(150_000);
  expect(runs.begun).toEqual(['a1', 'a1']);
});

test('an intake in which too many events wait behind slow keys has no capacity, and reports that it is full', async () => {
  const runs = new KeyedRuns({}, { maxBuffered: 5 });
  for (let i = 0; i < 5; i++) runs.offer('a');
  expect(runs.intake).toMatchObject({ capacity: 0, isFull: true });
  const asked = runs.notices;
  await runs.end();
  expect(runs.intake).toMatchObject({ capacity: 1, isFull: false });
  expect(runs.notices).toBeGreaterThan(asked);
});

test('a stop lets running events finish, and nacks all others in the order of the stream', async () => {
  const runs = new KeyedRuns({ concurrency: 2 });
  const deliveries = ['a', 'b', 'b', 'a', 'c'].map((user) => runs.offer(user));
  await runs.end(1, new Error('broken'));
  const journal = runs.bench.journal.length;
  const stopped = runs.intake.stop(1_000);
  expect(deliveries.map(({ answers }) => answers)).toEqual([[], ['nak'], ['nak'], ['nak'], []]);
  expect(runs.bench.journal.slice(journal)).toHaveLength(3);
  await runs.end(0);
  await runs.end(0);
  await stopped;
  expect(deliveries.map(({ answers }) => answers.length)).toEqual([1, 1, 1, 1, 1]);
});

test('an event that fails during a stop is nacked without delay, as the next of its key would overtake it on another host', async () => {
  const runs = new KeyedRuns({ retry: { attempts: 3, backoffMs: [60_000] } });
  const [first, second] = [runs.offer('a'), runs.offer('a')];
  const stopped = runs.intake.stop(1_000);
  await runs.end(0, new Error('broken'));
  await stopped;
  expect([first.answers, second.answers]).toEqual([['nak'], ['nak']]);
});

test('after a hand-over that fails, an event that is delivered again waits for the running one of its key', async () => {
  const runs = new KeyedRuns();
  for (const user of ['a', 'a', 'b']) runs.offer(user);
  const isDrained = runs.intake.drain(10_000);
  await runs.end(1, new Error('b failed'));
  await after(10_000);
  expect(await isDrained).toBe(false);
  runs.intake.reopen();
  runs.offer('a', { sequence: 2 });
  runs.offer('b', { sequence: 3 });
  expect(runs.begun).toEqual(['a1', 'b3', 'b3']);
  await runs.end(0);
  expect(runs.begun.at(-1)).toBe('a2');
});

test('after a drop, an event of the key of a running one begins, because the running one is ended', async () => {
  const runs = new KeyedRuns();
  runs.offer('a');
  runs.running.length = 0;
  runs.intake.drop();
  runs.offer('a', { sequence: 1 });
  expect(runs.begun).toEqual(['a1', 'a1']);
});

test('an event that waited for its retry when a hand-over began leaves its key to the next one', async () => {
  const runs = new KeyedRuns();
  for (const user of ['a', 'b']) runs.offer(user);
  await runs.end(0, new Error('a failed'));
  const isDrained = runs.intake.drain(10_000);
  await after(10_000);
  expect(await isDrained).toBe(false);
  runs.intake.reopen();
  runs.offer('a', { sequence: 1 });
  expect(runs.begun).toEqual(['a1', 'b2', 'a1']);
});

test('arrivals wait while older events may still be redelivered, and are then handled in the order of the stream', async () => {
  const runs = new KeyedRuns();
  runs.intake.collectArrivals();
  for (const sequence of [9, 3, 7]) runs.offer('a', { sequence });
  expect(runs.begun).toEqual([]);
  runs.intake.queueCollected();
  while (runs.running.length > 0) await runs.end();
  expect(runs.begun).toEqual(['a3', 'a7', 'a9']);
});

test('a redelivery of an event that is already buffered is ignored, and the first delivery settles the event', async () => {
  const runs = new KeyedRuns();
  const first = runs.offer('a', { sequence: 1 });
  const again = runs.offer('a', { sequence: 1, deliveryCount: 2 });
  await runs.end();
  expect([first.answers, again.answers]).toEqual([['ack'], []]);
  expect(runs.begun).toEqual(['a1']);
});

test('while the circuit is open nothing is nacked, and each probe is of another key', async () => {
  const runs = new KeyedRuns({ retry: { attempts: 3, backoffMs: [10_000] } });
  const deliveries = ['a', 'a', 'b', 'c'].map((user) => runs.offer(user));
  runs.intake.admit(0);
  for (let i = 0; i < 3; i++) await runs.end(0, new Error('down'));
  expect(runs.running).toEqual([]);
  runs.offer('d');
  expect(runs.begun).toEqual(['a1', 'b3', 'c4']);
  runs.intake.admit(1);
  expect(runs.begun.at(-1)).toBe('d5');
  await runs.end(0, new Error('down'));
  await after(13_000);
  expect(runs.running).toEqual([]);
  runs.intake.admit(1);
  runs.intake.admit(1);
  expect(new Set(runs.begun.slice(-2)).size).toBe(2);
  expect(deliveries.flatMap(({ answers }) => answers)).toEqual([]);
});

test('with any failures and any order of ends, each key is handled one by one in order, and every event is settled once', async () => {
  const users = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 25 });
  const fate = fc.record({ index: fc.nat(), fails: fc.boolean(), rejects: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      users,
      fc.infiniteStream(fate),
      async (concurrency, all, fates) => {
        const runs = new KeyedRuns({ concurrency, retry: { attempts: 3, backoffMs: [1_000] } });
        const deliveries = all.map((user) => runs.offer(user));
        for (let i = 0; i < 1_000 && deliveries.some(({ settled }) => !settled); i++) {
          if (runs.running.length === 0) {
            await after(1_300);
            continue;
          }
          const { index, fails, rejects } = fates.next().value!;
          const error = rejects ? new Reject('never') : fails ? new Error('broken') : undefined;
          await runs.end(index % runs.running.length, error);
        }
        expect(deliveries.every(({ answers }) => answers.length === 1)).toBe(true);
        for (const user of 'abcde') {
          const sequences = runs.handled.filter((name) => name.startsWith(user)).map((name) => Number(name.slice(1)));
          expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 60 },
  );
});
