import { Transaction } from '../../../host/records/commits/transaction';
import { defineEvent, Reject, RetryLater, type Envelope, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import type { TextStore } from '../../../host/effects/text-store';
import { timedOut } from '../../../host/message/thrown-outcome';
import type { Execution } from '../../../host/message/execution';
import { processMessage } from '../../../host/message/process-message';
import { JetplugError } from '../../../sdk/internal';
import type { Handler } from '../../../host/message/handler';
import { MessageBench, type Given } from '../../support/message-bench';
import { systemClock } from '../../../host/base/time';

class VideoWatchStarted extends defineEvent('video.watch_started', z.object({ user_id: z.string().min(1) })) {}

type Invoke = (
  event: VideoWatchStarted,
  context: EventContext,
  parts: { store: TextStore<number>; bus: JetStreamEventBus },
) => unknown;

/** A handler of VideoWatchStarted with a store and a bus, all in memory. */
function setUp(invoke: Invoke, over: Partial<Handler> = {}) {
  const seen: Envelope[] = [];
  const bench: MessageBench = new MessageBench(
    (event, context) => {
      seen.push(event);
      return invoke(event as VideoWatchStarted, context, { store, bus });
    },
    { contract: VideoWatchStarted, ...over },
  );
  const bus = new JetStreamEventBus(bench.handler.outgoing, systemClock);
  const store = bench.store<number>();
  const { registry, runs } = bench;
  const process = (payload: unknown, given?: Given) => {
    const delivery = bench.delivery(payload, given);
    return { delivery, settled: processMessage(bench.handler, delivery, registry) };
  };
  return { bench, store, runs, seen, process };
}

const WATCH = { user_id: 'u1' };

test('an event published by hand is validated, handled and acknowledged synchronously', () => {
  const { process, seen, bench } = setUp(() => undefined);
  const { delivery, settled } = process(WATCH, { stream: 'EVENTS', sequence: 9 });
  expect(settled).toBeUndefined();
  expect(delivery.answers).toEqual(['ack']);
  expect(seen).toEqual([
    { event_type: 'video.watch_started', event_id: 'EVENTS:9', timestamp: '2026-05-12T12:00:00.000Z', user_id: 'u1' },
  ]);
  expect(seen[0]).toBeInstanceOf(VideoWatchStarted);
  expect(bench.handler.counters.durations.count).toBe(1);
});

test('the wait of a first delivery is counted, and not that of a redelivery or of a deferred event', () => {
  const { process, bench } = setUp(() => undefined);
  const storedAtMs = Date.now() - 2_000;
  process(WATCH, { storedAtMs });
  process(WATCH, { storedAtMs, sequence: 8, deliveryCount: 2 });
  process(WATCH, { storedAtMs, sequence: 9, past: { failures: 0 } });
  const { waits } = bench.handler.counters;
  expect([waits.count, waits.sumS > 1.9, waits.sumS < 60]).toEqual([1, true, true]);
});

test('effects precede the ack: the run is committed, then the published events are sent, then the event is acknowledged', async () => {
  const { process, store, bench } = setUp(async ({ user_id }, _context, { store, bus }) => {
    await bus.publish('badge.awarded', { user_id });
    await store.update(user_id, (n = 0) => n + 1);
    bench.journal.push('updated');
  });
  await process(WATCH).settled;
  expect(await store.get('u1')).toBe(1);
  expect(bench.journal).toEqual(['updated', 'commit 7', 'send badge.awarded', 'settle 7', 'ack']);
});

test('a committed event whose published events may be unsent does not run again: they are sent under the same ids', async () => {
  const { process, bench, seen } = setUp(async ({ user_id }, _context, { bus }) => {
    await Promise.all([
      bus.publish('a.b', { user_id }),
      bus.publish('a.b', { user_id }),
      bus.publish('a.c', { user_id }),
    ]);
  });
  const storedAtMs = Date.now();
  // Two of the events reach their streams, and the answers are lost.
  const { send: sendNow } = bench.handler.outgoing;
  const send = jest.spyOn(bench.handler.outgoing, 'send');
  send.mockImplementation(async (event) => {
    if (event.subject === 'a.b') await sendNow(event);
    throw new JetplugError('JP_PUBLISH_FAILED', 'no answer');
  });
  await process(WATCH, { storedAtMs }).settled;
  expect(bench.journal.at(-1)).toMatch(/^nak/);
  send.mockRestore();
  const { delivery, settled } = process(WATCH, { storedAtMs, deliveryCount: 2 });
  await settled;
  expect(delivery.answers).toEqual(['ack']);
  expect(seen).toHaveLength(1);
  expect(bench.sent.map(({ subject }) => subject).sort()).toEqual(['a.b', 'a.b', 'a.c']);
  expect(new Set(bench.sent.map(({ id }) => id)).size).toBe(3);
});

test.each<[string, unknown, string]>([
  ['bytes that are not JSON', 'not json', 'invalid-json'],
  ['an event of another type', { ...WATCH, event_type: 'video.published' }, 'invalid-envelope'],
  ['a field that is missing', {}, 'schema'],
  ['a prototype key', '{"__proto__":{"user_id":"u1"}}', 'invalid-envelope'],
])(
  '%s never reach the handler: they are dead-lettered, and the next event is handled',
  async (_what, payload, reason) => {
    const { process, bench, seen, runs } = setUp(() => undefined);
    const { delivery, settled } = process(payload);
    await settled;
    expect(delivery.answers).toEqual([`term ${reason}`]);
    expect(bench.letters).toMatchObject([{ headers: { 'x-dead-letter-reason': reason, 'x-attempts': '0' } }]);
    expect(seen).toEqual([]);
    await process(WATCH, { sequence: 8 }).settled;
    expect(seen).toHaveLength(1);
    expect(runs.size).toBe(0);
  },
);

test('an event whose handler always fails is dead-lettered after its last attempt', async () => {
  const attempts: number[] = [];
  const { process, bench, runs } = setUp(async (_event, { attempt }) => {
    attempts.push(attempt);
    await Promise.reject(new Error(`broken ${attempt}`));
  });
  for (let deliveryCount = 1; deliveryCount <= 3; deliveryCount++) await process(WATCH, { deliveryCount }).settled;
  expect(attempts).toEqual([1, 2, 3]);
  expect(bench.journal).toEqual([
    'record 1',
    expect.stringMatching(/^nak (8|9|10|11|12)\d\d$/),
    'record 2',
    expect.stringMatching(/^nak [456]\d\d\d$/),
    'bury 7 attempts-exhausted',
    'letter attempts-exhausted',
    'settle 7',
    'term attempts-exhausted',
    'forget',
  ]);
  expect(bench.letters).toMatchObject([
    { headers: { 'x-attempts': '3', 'x-error-message': 'broken 3', 'x-delivery-count': '3' } },
  ]);
  expect(bench.failures.size).toBe(0);
  expect(runs.size).toBe(0);
});

test('deliveries without a failure use up no attempt', async () => {
  const { process, bench } = setUp(() => Promise.reject(new Error('broken')));
  await process(WATCH, { deliveryCount: 40 }).settled;
  expect(bench.journal).toContain('record 1');
});

test('RetryLater uses up no attempt, however often it is thrown', async () => {
  const { process, bench } = setUp(() => Promise.reject(new RetryLater('20s')));
  for (let deliveryCount = 1; deliveryCount <= 10; deliveryCount++) await process(WATCH, { deliveryCount }).settled;
  expect(bench.journal.filter((line) => line.startsWith('nak'))).toEqual(Array.from({ length: 10 }, () => 'nak 20000'));
  expect(bench.journal.join()).not.toContain('record');
});

test('Reject dead-letters at the first attempt', async () => {
  const { process, bench } = setUp(() => {
    throw new Reject('a negative amount');
  });
  await process(WATCH).settled;
  expect(bench.journal).toEqual(['bury 7 rejected', 'letter rejected', 'settle 7', 'term rejected', 'forget']);
  expect(bench.letters[0]!.headers['x-error-message']).toBe('a negative amount');
});

test('an event whose published events cannot be stored is redelivered uncharged, and then all are sent', async () => {
  const { process, bench } = setUp(async (_event, _context, { bus }) => {
    await bus.publish('a.b', {});
  });
  bench.fail('send', new JetplugError('JP_PUBLISH_FAILED', 'no answer'));
  await process(WATCH).settled;
  expect(bench.journal).toEqual(['commit 7', expect.stringMatching(/^nak/)]);
  bench.mend('send');
  await process(WATCH, { deliveryCount: 2 }).settled;
  expect(bench.journal.slice(2)).toEqual(['look a.b', 'send a.b', 'ack', 'forget']);
});

test('a message whose failures cannot be read does not run', async () => {
  const { process, bench, seen } = setUp(() => undefined);
  bench.fail('failures', new Error('no answer'));
  await expect(process(WATCH, { deliveryCount: 2 }).settled).rejects.toThrow('no answer');
  expect(seen).toEqual([]);
});

test('a first delivery reads no failures: only a redelivered message can have any', async () => {
  const { process, seen, bench } = setUp(() => undefined);
  bench.fail('failures');
  await process(WATCH).settled;
  expect(seen).toHaveLength(1);
});

test('a handler on a raw subject gets any object', () => {
  const bench = new MessageBench((event) => seen.push(event));
  const seen: Envelope[] = [];
  void processMessage(bench.handler, bench.delivery({ any: [1] }, { subject: 'x.y' }), bench.registry);
  expect(seen).toMatchObject([{ event_type: 'x.y', any: [1] }]);
});

test('concurrent runs of a handler do not mix up their ids and outboxes', async () => {
  const { process, bench } = setUp(
    async ({ user_id }, _context, { bus }) => {
      await new Promise((resolve) => setImmediate(resolve));
      await bus.publish('a.b', { user_id });
      await new Promise((resolve) => setImmediate(resolve));
      if (user_id === 'bad') throw new Error('broken');
    },
    { concurrency: 8 },
  );
  await Promise.all(['u1', 'bad', 'u2'].map(async (user_id, i) => process({ user_id }, { sequence: i + 1 }).settled));
  const users = bench.sent.map(({ payload }) => (JSON.parse(payload) as { user_id: string }).user_id);
  expect(users.sort()).toEqual(['u1', 'u2']);
  expect(new Set(bench.sent.map(({ id }) => id)).size).toBe(2);
});

test('a redelivered message that is settled is acknowledged again and does not reach its handler', async () => {
  const { process, seen, bench } = setUp(() => undefined);
  await process(WATCH).settled;
  const { delivery, settled } = process(WATCH, { deliveryCount: 2 });
  await settled;
  expect(delivery.answers).toEqual(['ack']);
  expect(seen).toHaveLength(1);
  expect(bench.handler.counters.handled).toBe(1);
});

test('a run that fails leaves no change, and its retry sees the present value', async () => {
  const values: number[] = [];
  const { process, store } = setUp(async (_event, { attempt }, { store }) => {
    values.push(await store.update('n', (n = 0) => n + 1));
    if (attempt === 1) throw new Error('broken');
  });
  await process(WATCH, { sequence: 1 }).settled;
  await process(WATCH, { sequence: 2 }).settled;
  expect(await store.get('n')).toBeUndefined();
  await process(WATCH, { sequence: 1, deliveryCount: 2 }).settled;
  await process(WATCH, { sequence: 2, deliveryCount: 2 }).settled;
  expect(values).toEqual([1, 1, 1, 2]);
  expect(await store.get('n')).toBe(2);
});

test('an event that another host commits while its handler runs here is acknowledged, and nothing is applied or sent', async () => {
  const { process, store, bench } = setUp(async (_event, _context, { store, bus }) => {
    await bus.publish('a.b', {});
    await store.update('n', (n = 0) => n + 1);
    bench.commits.commitElsewhere({ sequence: 7, writes: { n: '1' } });
  });
  const { delivery, settled } = process(WATCH);
  await settled;
  expect(delivery.answers).toEqual(['ack']);
  expect(await store.get('n')).toBe(1);
  expect(bench.sent).toEqual([]);
  expect(bench.handler.counters.handled).toBe(0);
});

test('an event that another host commits while its handler runs here is acknowledged after that host’s events are sent', async () => {
  const { process, bench } = setUp(async (_event, _context, { store }) => {
    await store.update('n', (n = 0) => n + 1);
    const emits = [{ id: 'i1', subject: 'a.b', payload: '{}', headers: {} }];
    bench.commits.commitElsewhere({ sequence: 7, emits });
  });
  await process(WATCH, { storedAtMs: Date.now() }).settled;
  expect(bench.journal).toEqual(['commit 7', 'send a.b', 'ack']);
});

test('a run whose values another host changes meanwhile runs again on the newer values, within the same delivery', async () => {
  const seen: (number | undefined)[] = [];
  const { process, store, bench } = setUp(async (_event, { attempt }, { store, bus }) => {
    expect(attempt).toBe(1);
    seen.push(await store.get('n'));
    await bus.publish('a.b', { n: (seen.at(-1) ?? 0) + 1 });
    if (seen.length < 3) bench.commits.commitElsewhere({ writes: { n: String(10 * seen.length) } });
    await store.update('n', (n = 0) => n + 1);
  });
  const { delivery, settled } = process(WATCH);
  await settled;
  expect(seen).toEqual([undefined, 10, 20]);
  expect(await store.get('n')).toBe(21);
  expect(bench.sent.map(({ payload }) => JSON.parse(payload) as object)).toMatchObject([{ n: 21 }]);
  expect(delivery.answers).toEqual(['ack']);
  expect(bench.handler.counters).toMatchObject({ handled: 1, conflicts: 2, failed: 0 });
});

test('runs of one key at a time in one host lose no update', async () => {
  const { process, store } = setUp(
    async (_event, _context, { store }) => {
      const n = (await store.get('n')) ?? 0;
      await new Promise((resolve) => setImmediate(resolve));
      await store.update('n', () => n + 1);
    },
    { concurrency: 20 },
  );
  await Promise.all(Array.from({ length: 20 }, async (_, i) => process(WATCH, { sequence: i + 1 }).settled));
  expect(await store.get('n')).toBe(20);
});

test('a commit that the server does not confirm is tried again, and the event is acknowledged afterwards', async () => {
  const { process, store, bench } = setUp(async (_event, _context, { store }) => {
    await store.update('n', (n = 0) => n + 1);
  });
  bench.fail('commit', new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
  const { delivery, settled } = process(WATCH);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(delivery.answers).toEqual([]);
  bench.mend('commit');
  await settled;
  expect(delivery.answers).toEqual(['ack']);
  expect(await store.get('n')).toBe(1);
});

test('a commit that the host stops waiting for releases its event', async () => {
  const { process, bench, runs } = setUp(async (_event, _context, { store }) => {
    await store.update('n', (n = 0) => n + 1);
  });
  bench.fail('commit', new JetplugError('JP_STORE_UNAVAILABLE', 'no answer'));
  const { delivery, settled } = process(WATCH);
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  for (const run of runs) run.interrupt({ kind: 'released' });
  await settled;
  expect(delivery.answers).toEqual(['nak']);
});

test('a run without effects commits nothing', async () => {
  const { process, bench } = setUp(() => undefined);
  await process(WATCH).settled;
  expect(bench.commits.log).toBeUndefined();
  expect(bench.journal).toEqual(['settle 7', 'ack']);
});

test('failures are charged when the handler succeeds with another event', async () => {
  const { process, bench } = setUp(({ user_id }) => {
    if (user_id === 'bad') throw new Error('broken');
  });
  await process({ user_id: 'bad' }, { sequence: 1 }).settled;
  expect(bench.failures.get(1)).toMatchObject({ charged: 0, provisional: 1 });
  await process(WATCH, { sequence: 2 }).settled;
  // A charge is recorded in the background.
  await new Promise((resolve) => setImmediate(resolve));
  expect(bench.failures.get(1)).toMatchObject({ charged: 1, provisional: 0 });
});

test('when all events fail the circuit opens: no failure is charged, no event is dead-lettered, and a success closes it', async () => {
  let down = true;
  const { process, bench } = setUp(() => {
    if (down) throw new Error('down');
  });
  const failing = async (sequence: number, deliveryCount: number) => {
    await process(WATCH, { sequence, deliveryCount }).settled;
  };
  for (const sequence of [1, 2, 3]) await failing(sequence, 1);
  expect(bench.handler.circuit.isOpen).toBe(true);
  for (let round = 2; round < 20; round++) for (const sequence of [1, 2, 3]) await failing(sequence, round);
  expect(bench.letters).toEqual([]);
  for (const sequence of [1, 2, 3]) {
    expect(bench.failures.get(sequence) ?? { charged: 0, provisional: 0 }).toMatchObject({
      charged: 0,
      provisional: 0,
    });
  }
  down = false;
  for (const sequence of [1, 2, 3]) await failing(sequence, 20);
  expect(bench.handler.circuit.isOpen).toBe(false);
  expect(bench.journal.filter((line) => line === 'closed')).toHaveLength(1);
  expect(bench.failures.size).toBe(0);
});

test('an event from the retry queue keeps its identity, and its failures still count', async () => {
  const attempts: number[] = [];
  const { process, store, bench } = setUp(async (_event, context, { store }) => {
    attempts.push(context.attempt);
    expect([context.stream, context.sequence]).toEqual(['EVENTS', 3]);
    await store.update('n', (n = 0) => n + 1);
    throw new Error('broken');
  });
  const past = { failures: 1 };
  const origin = { stream: 'EVENTS', sequence: 3, storedAtMs: 5 };
  const given = { stream: 'RETRY', subject: 'video.watch_started', past, origin };
  await process(WATCH, given).settled;
  await process(WATCH, { ...given, deliveryCount: 2 }).settled;
  expect(attempts).toEqual([2, 3]);
  expect(await store.get('n')).toBeUndefined();
  expect(bench.letters).toMatchObject([{ stream: 'EVENTS', sequence: 3, headers: { 'x-attempts': '3' } }]);
});

describe('a message that may have killed its process', () => {
  const died = (deaths: number) => ({ charged: 0, provisional: 0, outages: 0, deaths });

  test('is marked while it runs if no failure explains its redelivery, and the mark is removed with its record', async () => {
    const { process, bench } = setUp(() => void bench.journal.push('ran'));
    await process(WATCH, { deliveryCount: 2 }).settled;
    expect(bench.journal).toEqual(['started 7', 'ran', 'settle 7', 'ack', 'forget']);
  });

  test('is not marked if its failures explain its redelivery', async () => {
    const { process, bench } = setUp(() => undefined);
    bench.failures.set(7, { charged: 1, provisional: 1, outages: 0, deaths: 0 });
    await process(WATCH, { deliveryCount: 3 }).settled;
    expect(bench.journal).toEqual(['settle 7', 'ack', 'forget']);
  });

  test.each([
    ['interrupted by a stop', (run: Execution) => run.interrupt({ kind: 'released' }), ['ended 7', 'nak']],
    ['timed out', (run: Execution) => run.interrupt(timedOut(run)), ['record 1', expect.stringMatching(/^nak \d/)]],
  ])('loses its mark when its run is %s', async (_how, end, journal) => {
    const { process, bench, runs } = setUp(() => new Promise(() => undefined));
    const { settled } = process(WATCH, { deliveryCount: 2 });
    await new Promise((resolve) => setImmediate(resolve));
    end([...runs][0]!);
    await settled;
    expect(bench.journal).toEqual(['started 7', ...journal]);
  });

  test('does not run when the mark cannot be stored', async () => {
    const { process, bench, seen } = setUp(() => undefined);
    bench.fail('started', new Error('no answer'));
    await expect(process(WATCH, { deliveryCount: 2 }).settled).rejects.toThrow('no answer');
    expect(seen).toEqual([]);
  });

  test.each([
    [2, ['started 7', 'settle 7', 'ack', 'forget']],
    [3, ['alone', 'started 7', 'settle 7', 'ack', 'no more alone', 'forget']],
    [5, ['alone', 'started 7', 'settle 7', 'ack', 'no more alone', 'forget']],
  ])('after %d deaths is run again, alone from the third death on', async (deaths, journal) => {
    const { process, bench } = setUp(() => undefined);
    bench.failures.set(7, died(deaths));
    await process(WATCH, { deliveryCount: deaths + 2 }).settled;
    expect(bench.journal).toEqual(journal);
  });

  test('locks none of its keys while it waits to run alone again after a conflict', async () => {
    let runs = 0;
    const { process, bench } = setUp(async (_event, _context, { store }) => {
      if (++runs === 1) bench.commits.commitElsewhere({ writes: { n: '1' } });
      await store.update('n', (n = 0) => n + 1);
      if (runs === 1) bench.commits.commitElsewhere({ writes: { n: '2' } });
    });
    bench.failures.set(7, died(3));
    const isLocked: boolean[] = [];
    jest.spyOn(bench.registry, 'alone').mockImplementation(async () => {
      const other = new Transaction();
      isLocked.push(bench.commits.log?.transactions.lock(other, 'n') !== undefined);
      bench.commits.log?.transactions.release(other);
      return () => undefined;
    });
    await process(WATCH, { deliveryCount: 5 }).settled;
    expect(runs).toBe(2);
    expect(isLocked).toEqual([false, false]);
  });

  test('is dead-lettered as crashed-host, without running, when its process died though it ran alone', async () => {
    const { process, bench, seen } = setUp(() => undefined);
    bench.failures.set(7, died(6));
    await process(WATCH, { deliveryCount: 6 }).settled;
    expect(seen).toEqual([]);
    expect(bench.journal).toEqual(['letter crashed-host', 'settle 7', 'term crashed-host', 'forget']);
    expect(bench.letters[0]!.headers['x-error-message']).toContain('the process died 6 times');
  });
});

test('a message that its process decided to dead-letter before it died is dead-lettered without another run', async () => {
  const { process, bench, seen } = setUp(() => undefined);
  const error = Object.assign(new Error('as it was'), { name: 'TypeError' });
  const buried = { reason: 'rejected', attempts: 2, error } as const;
  bench.failures.set(7, { charged: 1, provisional: 0, outages: 0, deaths: 0, buried });
  await process(WATCH, { deliveryCount: 3 }).settled;
  expect(seen).toEqual([]);
  expect(bench.letters).toMatchObject([
    { headers: { 'x-error-name': 'TypeError', 'x-error-message': 'as it was', 'x-attempts': '2' } },
  ]);
  expect(bench.journal.slice(-2)).toEqual(['term rejected', 'forget']);
});

test('an event with a long delay moves to the retry queue, also after a run whose outcome is unknown', async () => {
  const { process, bench } = setUp(() => Promise.reject(new RetryLater('10m')));
  await process(WATCH, { deliveryCount: 2 }).settled;
  expect(bench.deferred).toHaveLength(1);
  expect(bench.journal).toContain('ack');
});

test('a context in JSON has the properties of the event, without the host’s own objects', () => {
  const texts: string[] = [];
  const { process } = setUp((_event, context) => void texts.push(JSON.stringify(context)));
  process(WATCH, { stream: 'EVENTS', sequence: 9 });
  expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual([
    {
      subject: 'video.watch_started',
      stream: 'EVENTS',
      sequence: 9,
      time: '2026-05-12T12:00:00.000Z',
      attempt: 1,
      headers: {},
    },
  ]);
});
