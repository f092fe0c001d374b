import fc from 'fast-check';
import { defineEvent, Reject } from 'jetplug/sdk';
import { HandlerCounters } from '../../../../host/message/counters';
import type { Handler } from '../../../../host/message/handler';
import { HostConcurrency } from '../../../../host/message/intake/host-concurrency';
import { HostMemory } from '../../../../host/message/intake/host-memory';
import { Intake, type IntakeOptions } from '../../../../host/message/intake/intake';
import type { Delivery } from '../../../../host/broker/delivery';
import { currentScope, type Scope } from '../../../../host/message/run';
import { Limiter } from '../../../../host/base/limiter';
import { MessageBench, type FakeDelivery } from '../../../support/message-bench';

const ACK_WAIT_MS = 15_000;
const PREFETCH = { least: 2, first: 32, most: 500 };

function intakeOptions(
  onCapacity: () => void = () => undefined,
  counters: IntakeOptions['counters'] = new HandlerCounters(),
): IntakeOptions {
  return {
    ackWaitMs: ACK_WAIT_MS,
    prefetch: PREFETCH,
    counters,
    maxBuffered: Infinity,
    suspects: new Limiter(1),
    onCapacity,
    onFull: () => undefined,
  };
}

/** An intake whose handler returns only when the test ends its run. */
class BlockedRuns {
  readonly running: { sequence: number; finish: () => void; fail: (error: unknown) => void; signal: AbortSignal }[] =
    [];
  readonly started: number[] = [];
  notices = 0;
  private offered = 0;
  most = 0;
  readonly bench: MessageBench;
  readonly intake: Intake;

  constructor(over: Partial<Handler> = {}, options: Partial<IntakeOptions> = {}) {
    this.bench = new MessageBench((_event, { sequence, signal }) => {
      this.started.push(sequence);
      return new Promise<void>((resolve, reject) => {
        this.running.push({ sequence, finish: resolve, fail: reject, signal });
        this.most = Math.max(this.most, this.running.length);
      });
    }, over);
    this.intake = new Intake(this.bench.handler, { ...intakeOptions(() => this.notices++), ...options });
  }

  offer(count: number): FakeDelivery[] {
    return Array.from({ length: count }, () => {
      const delivery = this.bench.delivery({}, { sequence: ++this.offered });
      this.intake.offer(delivery, this.bench.handler);
      return delivery;
    });
  }

  async end(index = 0): Promise<void> {
    this.running.splice(index, 1)[0]!.finish();
    await turn();
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('runs as many deliveries as the concurrency allows, and the rest wait in order', async () => {
  const blocked = new BlockedRuns({ concurrency: 2 });
  const deliveries = blocked.offer(4);
  expect(blocked.started).toEqual([1, 2]);
  expect(blocked.intake).toMatchObject({ running: 2, queued: 2 });
  await blocked.end(1);
  expect(blocked.started).toEqual([1, 2, 3]);
  expect(deliveries.map(({ answers }) => answers)).toEqual([[], ['ack'], [], []]);
});

test('never exceeds the concurrency, starts all in order, and settles each once, in any order of ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
      async (concurrency, count, order) => {
        const blocked = new BlockedRuns({ concurrency });
        const deliveries = blocked.offer(count);
        for (let i = 0; i < count; i++) {
          expect(blocked.running.length).toBe(Math.min(concurrency, count - i));
          await blocked.end(order[i]! % blocked.running.length);
        }
        expect(blocked.most).toBe(Math.min(concurrency, count));
        expect(blocked.started).toEqual(deliveries.map(({ sequence }) => sequence));
        expect(deliveries.every(({ answers }) => answers.length === 1 && answers[0] === 'ack')).toBe(true);
        expect(blocked.intake).toMatchObject({ running: 0, queued: 0 });
      },
    ),
    { numRuns: 40 },
  );
});

test('reports capacity whenever a waiting delivery begins to run', async () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  blocked.offer(3);
  expect(blocked.notices).toBe(0);
  await blocked.end();
  expect(blocked.notices).toBe(1);
});

test('a delivery whose handler returns no promise is settled before the next is offered, for any number of deliveries', () => {
  const bench = new MessageBench(() => undefined, { concurrency: 1 });
  const intake = new Intake(bench.handler, intakeOptions());
  for (let sequence = 1; sequence <= 10_000; sequence++) intake.offer(bench.delivery({}, { sequence }), bench.handler);
  expect(bench.handler.counters.handled).toBe(10_000);
  expect(intake).toMatchObject({ running: 0, queued: 0 });
});

test('a delivery that fails frees its permit for the next', async () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  const [first] = blocked.offer(2);
  blocked.running.splice(0, 1)[0]!.fail(new Reject('never'));
  await turn();
  expect(first!.answers).toEqual(['term rejected']);
  expect(blocked.started).toEqual([1, 2]);
});

test('a delivery whose failures cannot be read is nacked, and the next one runs', async () => {
  const bench = new MessageBench(() => undefined, { concurrency: 1 }).fail('failures', new Error('no answer'));
  const intake = new Intake(bench.handler, intakeOptions());
  const redelivered = bench.delivery({}, { deliveryCount: 2 });
  const fresh = bench.delivery({}, { sequence: 8 });
  intake.offer(redelivered, bench.handler);
  intake.offer(fresh, bench.handler);
  await turn();
  expect(redelivered.answers).toEqual(['nak 5000']);
  expect(fresh.answers).toEqual(['ack']);
  expect(bench.log.lines).toMatchObject([{ level: 'error', fields: { handler: 'award', sequence: 7 } }]);
  expect(intake.running).toBe(0);
});

test('restarts the ack wait of running and waiting deliveries once a third of it has passed', () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  const deliveries = blocked.offer(2);
  const workings = () => deliveries.map((delivery) => delivery.workings);
  const startedMs = performance.now();
  blocked.intake.sweep(startedMs + 4_000);
  expect(workings()).toEqual([0, 0]);
  blocked.intake.sweep(startedMs + 5_100);
  expect(workings()).toEqual([1, 1]);
  blocked.intake.sweep(startedMs + 9_000);
  expect(workings()).toEqual([1, 1]);
  blocked.intake.sweep(startedMs + 10_200);
  expect(workings()).toEqual([2, 2]);
});

test('does not restart the ack wait of a settled delivery', async () => {
  const blocked = new BlockedRuns();
  const [delivery] = blocked.offer(1);
  await blocked.end();
  blocked.intake.sweep(performance.now() + 60_000);
  expect(delivery!.workings).toBe(0);
});

test('a sweep interrupts a run whose timeout has passed, once, and the event is retried', async () => {
  const blocked = new BlockedRuns({ timeoutMs: 30_000, concurrency: 1 });
  const deliveries = blocked.offer(2);
  const startedMs = performance.now();
  blocked.intake.sweep(startedMs + 29_000);
  expect(blocked.running[0]!.signal.aborted).toBe(false);
  blocked.intake.sweep(startedMs + 30_001);
  blocked.intake.sweep(startedMs + 30_002);
  expect(blocked.running[0]!.signal.aborted).toBe(true);
  await turn();
  expect(deliveries[0]!.answers).toEqual([expect.stringMatching(/^nak \d+$/)]);
  expect(blocked.bench.failures.get(1)).toMatchObject({ charged: 0, provisional: 1 });
  expect(blocked.started).toEqual([1, 2]);
});

test('a run whose schema never resolves times out like a run whose handler never returns', async () => {
  const forever = {
    '~standard': { version: 1, vendor: 'test', validate: () => new Promise<never>(() => undefined) },
  } as const;
  const contract = defineEvent('video.watch_started', forever);
  const blocked = new BlockedRuns({ contract, concurrency: 1 });
  const [first, second] = blocked.offer(2);
  blocked.intake.sweep(performance.now() + 30_001);
  await turn();
  expect(first!.answers).toEqual([expect.stringMatching(/^nak \d+$/)]);
  expect(blocked.bench.handler.counters.lastError).toMatch(/took longer than its timeout/);
  await blocked.intake.stop(0);
  expect(second!.answers).toEqual(['nak']);
  expect(blocked.started).toEqual([]);
});

test('a stop nacks the waiting deliveries at once, and waits for the running ones', async () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  const deliveries = blocked.offer(3);
  let stopped = false;
  const stopping = blocked.intake.stop(20_000).then(() => (stopped = true));
  expect(deliveries.map(({ answers }) => answers)).toEqual([[], ['nak'], ['nak']]);
  await turn();
  expect(stopped).toBe(false);
  await blocked.end();
  await stopping;
  expect(deliveries[0]!.answers).toEqual(['ack']);
  expect(blocked.started).toEqual([1]);
});

test('a run that waits for a process has no timeout yet, and a stop nacks its delivery at once', async () => {
  const scopes: Scope[] = [];
  const bench = new MessageBench(
    () => {
      const scope = currentScope()!;
      scope.waitToBegin();
      scopes.push(scope);
      return new Promise(() => undefined);
    },
    { timeoutMs: 10 },
  );
  const intake = new Intake(bench.handler, intakeOptions());
  const [waiting, begun] = [bench.delivery({}, { sequence: 1 }), bench.delivery({}, { sequence: 2 })];
  intake.offer(waiting, bench.handler);
  intake.offer(begun, bench.handler);
  scopes[1]!.begin();
  intake.sweep(performance.now() + 1_000);
  await turn();
  expect([waiting.answers, scopes[0]!.isOver]).toEqual([[], false]);
  expect(scopes[1]!.isOver).toBe(true);
  await intake.stop(60_000);
  expect(waiting.answers).toEqual(['nak']);
  // The run that never began is not counted: its duration would be infinite.
  expect([bench.handler.counters.runs, Number.isFinite(bench.handler.counters.durationSumS)]).toEqual([1, true]);
});

test('a delivery that arrives during a stop is nacked', async () => {
  const blocked = new BlockedRuns();
  await blocked.intake.stop(0);
  const [delivery] = blocked.offer(1);
  expect(delivery!.answers).toEqual(['nak']);
  expect(blocked.started).toEqual([]);
});

test('a stop without any delivery resolves at once', async () => {
  await new BlockedRuns().intake.stop(20_000);
});

test('runs as many deliveries as are admitted: none, one for a probe, all', async () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  const waiting = blocked.offer(3);
  blocked.intake.admit(0);
  // The running delivery continues. Waiting deliveries and later arrivals are nacked.
  expect(waiting.map(({ answers }) => answers)).toEqual([[], ['nak'], ['nak']]);
  expect(blocked.offer(1)[0]!.answers).toEqual(['nak']);
  await blocked.end();
  blocked.intake.admit(1);
  expect(blocked.offer(2).map(({ answers }) => answers)).toEqual([[], ['nak']]);
  await blocked.end();
  expect(blocked.offer(1)[0]!.answers).toEqual(['nak']);
  blocked.intake.admit(Infinity);
  expect(blocked.offer(2).map(({ answers }) => answers)).toEqual([[], []]);
  await blocked.end();
  await blocked.end();
});

describe('the grace period of a stop', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate', 'queueMicrotask', 'nextTick'] }));
  afterEach(() => jest.useRealTimers());

  test('ends with a nack for each running delivery, uncharged, with its signal aborted', async () => {
    const blocked = new BlockedRuns({ concurrency: 2 });
    const deliveries = blocked.offer(2);
    const stopping = blocked.intake.stop(20_000);
    await jest.advanceTimersByTimeAsync(19_999);
    expect(blocked.running.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    await jest.advanceTimersByTimeAsync(1);
    await stopping;
    expect(blocked.running.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(deliveries.map(({ answers }) => answers)).toEqual([['nak'], ['nak']]);
    expect(blocked.bench.failures.size).toBe(0);
    expect(blocked.bench.log.lines).toEqual([]);
  });

  test.each([
    ['its attempts are read', 'read', ['nak']],
    ['the mark of its run is stored', 'started', ['started 1', 'ended 1', 'nak']],
  ] as const)('releases an event for which it is over while %s, without a run', async (_what, method, journal) => {
    const blocked = new BlockedRuns();
    const { attempts } = blocked.bench.handler;
    const work = attempts[method].bind(attempts) as (message: Delivery) => Promise<never>;
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    jest.spyOn(attempts, method).mockImplementationOnce(async (message) => {
      await answered;
      return work(message as Delivery);
    });
    blocked.intake.offer(blocked.bench.delivery({}, { sequence: 1, deliveryCount: 2 }), blocked.bench.handler);
    await turn();
    const stopping = blocked.intake.stop(20_000);
    await jest.advanceTimersByTimeAsync(20_000);
    answer();
    await stopping;
    expect(blocked.started).toEqual([]);
    expect(blocked.bench.journal).toEqual(journal);
    expect(blocked.bench.failures.get(1)?.deaths ?? 0).toBe(0);
  });

  test('leaves no timer when the handler returns in time', async () => {
    const blocked = new BlockedRuns();
    blocked.offer(1);
    const stopping = blocked.intake.stop(20_000);
    await blocked.end();
    await stopping;
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is extended for a dead letter that is being stored', async () => {
    const blocked = new BlockedRuns();
    const [delivery] = blocked.offer(1);
    let stored!: () => void;
    blocked.bench.handler.deadLetters.store = () => new Promise((resolve) => (stored = resolve));
    blocked.running[0]!.fail(new Reject('never'));
    await turn();
    let stopped = false;
    const stopping = blocked.intake.stop(20_000).then(() => (stopped = true));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(stopped).toBe(false);
    stored();
    await stopping;
    expect(delivery!.answers).toEqual(['term rejected']);
  });
});

test('after a swap deliveries begin on the new version, with its concurrency; running ones end on the old version', async () => {
  const blocked = new BlockedRuns({ concurrency: 1 });
  blocked.offer(3);
  const onNew: number[] = [];
  const next: Handler = {
    ...blocked.bench.handler,
    invoke: (_event, context) => void onNew.push((context as { sequence: number }).sequence),
  };
  let ended = false;
  const over = blocked.intake.swap({ concurrency: 3, prefetch: PREFETCH }, () => next).then(() => (ended = true));
  expect(blocked.started).toHaveLength(1);
  expect(onNew).toHaveLength(2);
  await Promise.resolve();
  expect(ended).toBe(false);
  blocked.running[0]!.finish();
  await over;
  expect(onNew).not.toContain(blocked.started[0]);
});

test('a handler that holds nothing takes one delivery while the memory of the host is full, and others take none', async () => {
  const memory = new HostMemory(10);
  const full = jest.fn();
  const large = new BlockedRuns({}, { memory, onFull: full });
  const empty = new BlockedRuns({}, { memory });
  large.offer(5);
  expect(full).toHaveBeenCalledTimes(1);
  expect([large.intake.capacity, empty.intake.capacity]).toEqual([0, 1]);
  empty.offer(1);
  expect(empty.intake.capacity).toBe(0);
  for (let n = 0; n < 5; n++) await large.end();
  await empty.end();
  expect(memory).toMatchObject({ usedBytes: 0, isFull: false });
  expect(large.intake.capacity).toBe(PREFETCH.first);
});

test('deliveries that a stop releases free the memory of the host', async () => {
  const memory = new HostMemory(10);
  const blocked = new BlockedRuns({ concurrency: 1 }, { memory });
  blocked.offer(3);
  const stopped = blocked.intake.stop(10_000);
  await blocked.end();
  await stopped;
  expect(memory.usedBytes).toBe(0);
});

test('handlers with more events than the host has permits take turns, and an event waits in the host without an answer', async () => {
  const calls = new HostConcurrency(1);
  const many = new BlockedRuns({}, { calls });
  const few = new BlockedRuns({}, { calls });
  const waiting = many.offer(3);
  few.offer(1);
  await many.end();
  expect([many.started, few.started]).toEqual([[1, 2], []]);
  await many.end();
  expect([many.started, few.started]).toEqual([[1, 2], [1]]);
  expect(waiting.map(({ answers }) => answers)).toEqual([['ack'], ['ack'], []]);
  many.intake.sweep(performance.now() + ACK_WAIT_MS / 2);
  expect(waiting[2]!.workings).toBe(1);
  await few.end();
  await many.end();
  expect([many.started, few.started]).toEqual([[1, 2, 3], [1]]);
});
