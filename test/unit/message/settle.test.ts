import { HandlerCounters } from '../../../host/message/counters';
import type { Decision } from '../../../host/message/decide';
import { settle as carryOut } from '../../../host/message/settle';
import type { Handler } from '../../../host/message/handler';
import { Run } from '../../../host/message/run';
import { type FakeDelivery, MessageBench } from '../../support/message-bench';

const error = new Error('broken');
const BURY: Decision = { action: 'dead-letter', reason: 'attempts-exhausted', error, attempts: 3 };
/** The decision is recorded before the letter is stored, and is removed after the event is settled. */
const BURIED = [
  'bury 7 attempts-exhausted',
  'letter attempts-exhausted',
  'settle 7',
  'term attempts-exhausted',
  'forget',
];
const CHARGED: Decision = { action: 'retry', delayMs: 1_000, error, attempt: 2 };
const UNCHARGED: Decision = { action: 'retry', delayMs: 20_000, error };

function settle(handler: Handler, delivery: FakeDelivery, decision: Decision) {
  return carryOut(new Run(handler, delivery, new MessageBench().registry), decision);
}

test('an ack on a first delivery is sent at once, and there is no record to remove', () => {
  const bench = new MessageBench();
  expect(settle(bench.handler, bench.delivery(), { action: 'ack' })).toBeUndefined();
  expect(bench.journal).toEqual(['settle 7', 'ack']);
  expect(bench.handler.counters).toMatchObject({ handled: 1, failed: 0 });
});

test('the record of earlier failures is removed after the ack', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), { action: 'ack' });
  expect(bench.journal).toEqual(['settle 7', 'ack', 'forget']);
});

test('a record that cannot be removed is logged, and the event is still acknowledged', async () => {
  const bench = new MessageBench().fail('forget');
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 2 }), { action: 'ack' });
  await new Promise(setImmediate);
  expect(bench.journal).toEqual(['settle 7', 'ack']);
  expect(bench.log.lines).toMatchObject([{ level: 'warn', fields: { sequence: 7, stream: 'EVENTS' } }]);
});

test('an event is settled before the record of its failures is removed, which takes long without a leader of the bucket', () => {
  const bench = new MessageBench();
  const never = new Promise<void>(() => undefined);
  jest.spyOn(bench.handler.attempts, 'forget').mockReturnValue(never);
  expect(settle(bench.handler, bench.delivery({}, { deliveryCount: 2 }), { action: 'ack' })).toBeUndefined();
  expect(bench.journal).toEqual(['settle 7', 'ack']);
});

test('an ack that was lost is sent again, and changes no counter', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 2 }), { action: 'ack-again' });
  expect(bench.journal).toEqual(['ack', 'forget']);
  expect(bench.handler.counters).toEqual(new HandlerCounters());
});

test('a release is a nak without delay, and changes no counter', () => {
  const bench = new MessageBench();
  void settle(bench.handler, bench.delivery(), { action: 'release' });
  expect(bench.journal).toEqual(['nak']);
  expect(bench.handler.counters).toEqual(new HandlerCounters());
  expect(bench.log.lines).toEqual([]);
});

test('an attempt is recorded before its nak', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery(), CHARGED);
  expect(bench.journal).toEqual(['record 1', 'nak 1000']);
  expect(bench.handler.counters).toMatchObject({ failed: 1, retried: 1, deadLettered: 0, lastError: 'broken' });
  expect(bench.log.lines).toMatchObject([
    {
      level: 'warn',
      fields: { handler: 'award', subject: 'video.watch_started', attempt: 2, attempts: 3, delayMs: 1_000, err: error },
    },
  ]);
});

test('an attempt that cannot be recorded is logged, and the event is still redelivered', async () => {
  const bench = new MessageBench().fail('record');
  await settle(bench.handler, bench.delivery(), CHARGED);
  expect(bench.journal).toEqual(['nak 1000']);
  expect(bench.log.lines).toContainEqual(
    expect.objectContaining({ level: 'error', message: 'an attempt could not be recorded and will not count' }),
  );
});

test('a retry that is not charged records nothing and is no failure', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery(), UNCHARGED);
  expect(bench.journal).toEqual(['nak 20000']);
  expect(bench.handler.counters).toMatchObject({ failed: 0, retried: 1 });
});

test('a dead letter is stored before the message is terminated', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery('{"user_id":"u1"}'), BURY);
  expect(bench.journal).toEqual(BURIED);
  expect(bench.handler.counters).toMatchObject({ failed: 1, deadLettered: 1, lastError: 'broken' });
  expect(bench.letters).toMatchObject([
    { plugin: 'badge', handler: 'award', sequence: 7, headers: { 'x-attempts': '3' } },
  ]);
});

test('the record of a dead-lettered message is removed last', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), BURY);
  expect(bench.journal).toEqual(BURIED);
});

test('a message whose dead letter cannot be stored is redelivered, not terminated', async () => {
  const bench = new MessageBench().fail('letter');
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), BURY);
  expect(bench.journal).toEqual(['bury 7 attempts-exhausted', 'nak 5000']);
  expect(bench.handler.counters.deadLettered).toBe(0);
  expect(bench.log.lines).toMatchObject([
    {
      level: 'error',
      message: 'a dead letter could not be stored; the event stays in its stream',
      fields: { reason: 'attempts-exhausted' },
    },
  ]);
});

test('an event that never reached its handler is dead-lettered without counting as a failure of the handler', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery(), { action: 'dead-letter', reason: 'invalid-json', error, attempts: 0 });
  expect(bench.handler.counters).toMatchObject({ failed: 0, deadLettered: 1 });
});

test.each<[string, Decision]>([
  ['ack', { action: 'ack' }],
  ['release', { action: 'release' }],
  ['wait', { action: 'wait', delayMs: 5, error }],
  ['ack again', { action: 'ack-again' }],
  ['retry', CHARGED],
  ['dead letter', BURY],
])('settling a delivery a second time, by %s, throws an error', async (_what, decision) => {
  const bench = new MessageBench();
  const delivery = bench.delivery();
  await settle(bench.handler, delivery, { action: 'ack' });
  await expect((async () => settle(bench.handler, delivery, decision))()).rejects.toThrow('settled twice');
  expect(delivery.answers).toEqual(['ack']);
});

test('an event that waits for a handler whose circuit is open is nacked with its delay, and nothing is recorded', () => {
  const bench = new MessageBench();
  void settle(bench.handler, bench.delivery(), { action: 'wait', delayMs: 4_000, error });
  expect(bench.journal).toEqual(['nak 4000']);
  expect(bench.handler.counters).toMatchObject({ failed: 1, retried: 0, lastError: 'broken' });
});

test('the circuit no longer counts a dead-lettered message', async () => {
  const bench = new MessageBench();
  const delivery = bench.delivery();
  bench.handler.circuit.failed(delivery, error);
  await settle(bench.handler, delivery, BURY);
  bench.handler.circuit.succeeded(bench.delivery({}, { sequence: 8 }));
  expect(bench.journal).not.toContain('charge 7');
});

test('a message whose dead letter cannot be stored is not settled', async () => {
  const bench = new MessageBench().fail('letter');
  await settle(bench.handler, bench.delivery(), BURY);
  expect(bench.settlements.settled.size).toBe(0);
});

describe('an event that waits for longer than 30 s', () => {
  const LONG: Decision = { action: 'retry', delayMs: 600_000, error };

  test('is stored in the retry queue with its failures, before it is acknowledged', async () => {
    const bench = new MessageBench();
    bench.failures.set(7, { charged: 1, provisional: 1, outages: 2, deaths: 0 });
    const headers = { 'Nats-Msg-Id': 'm1', traceparent: 't' };
    const delivery = bench.delivery('payload', { headers, deliveryCount: 3 });
    const beganMs = Date.now();
    await settle(bench.handler, delivery, LONG);
    expect(bench.journal).toEqual(['park parked', 'settle 7', 'ack', 'forget']);
    const [{ dueAtMs, ...event } = { dueAtMs: 0 }] = bench.deferred;
    expect(event).toEqual({
      plugin: 'badge',
      handler: 'award',
      origin: delivery.origin,
      subject: 'video.watch_started',
      payload: delivery.payload,
      headers,
      past: { failures: 1, provisional: 1, outages: 2 },
      pass: 'parked',
    });
    expect(dueAtMs - 600_000 - beganMs).toBeGreaterThanOrEqual(0);
    expect(dueAtMs - 600_000 - Date.now()).toBeLessThanOrEqual(0);
  });

  test('takes its failure along', async () => {
    const bench = new MessageBench();
    await settle(bench.handler, bench.delivery(), { ...LONG, attempt: 1 });
    expect(bench.journal).toEqual(['record 1', 'park parked', 'settle 7', 'ack']);
    expect(bench.deferred[0]!.past).toMatchObject({ failures: 0, provisional: 1 });
  });

  test.each(['park', 'failures'] as const)(
    'stays in its stream when %s fails, neither settled nor lost',
    async (step) => {
      const bench = new MessageBench().fail(step);
      await settle(bench.handler, bench.delivery(), LONG);
      expect(bench.journal).toEqual(['nak 30000']);
      expect(bench.settlements.settled.size).toBe(0);
      expect(bench.log.lines).toContainEqual(
        expect.objectContaining({
          level: 'warn',
          message: 'event could not be stored in the retry queue; it waits in its stream',
        }),
      );
    },
  );

  test('stays in the retry queue if it is there already', async () => {
    const bench = new MessageBench();
    await settle(bench.handler, bench.delivery({}, { past: { failures: 0 } }), LONG);
    expect(bench.journal).toEqual(['nak 600000']);
  });

  test('an event that waits for 30 s stays in its stream', async () => {
    const bench = new MessageBench();
    await settle(bench.handler, bench.delivery(), { ...LONG, delayMs: 30_000 });
    expect(bench.journal).toEqual(['nak 30000']);
  });
});

describe('an event that was redriven', () => {
  const past = { failures: 0, letter: 12 };
  const origin = { stream: 'EVENTS', sequence: 3, storedAtMs: 5 };

  test('has its dead letter removed before it is settled and acknowledged', async () => {
    const bench = new MessageBench();
    await settle(bench.handler, bench.delivery({}, { past, origin }), { action: 'ack' });
    expect(bench.journal).toEqual(['remove 12', 'settle 7', 'ack']);
  });

  test('is not settled when its dead letter cannot be removed', async () => {
    const bench = new MessageBench().fail('remove');
    const delivery = bench.delivery({}, { past, origin });
    await expect(settle(bench.handler, delivery, { action: 'ack' })).rejects.toThrow('remove failed');
    expect(bench.journal).toEqual([]);
    expect(bench.settlements.settled.size).toBe(0);
  });

  test('and fails again gets a new dead letter, with its original place in the stream, that replaces the old one', async () => {
    const bench = new MessageBench();
    await settle(bench.handler, bench.delivery({}, { past, origin, stream: 'RETRY' }), BURY);
    expect(bench.journal).toEqual(BURIED);
    expect(bench.letters).toMatchObject([{ stream: 'EVENTS', sequence: 3, storedAtMs: 5, replaces: 12 }]);
  });
});
