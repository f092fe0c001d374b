import { HandlerCounters } from '../../../host/message/counters';
import type { Decision } from '../../../host/message/decide';
import { settle } from '../../../host/message/settle';
import { MessageBench } from '../../support/message-bench';

const error = new Error('broken');
const BURY: Decision = { action: 'dead-letter', reason: 'attempts-exhausted', error, attempts: 3 };
const CHARGED: Decision = { action: 'retry', delayMs: 1_000, error, failures: 2 };
const UNCHARGED: Decision = { action: 'retry', delayMs: 600_000, error };

test('an ack is given at once, with no record to forget on a first delivery', () => {
  const bench = new MessageBench();
  expect(settle(bench.handler, bench.delivery(), { action: 'ack' })).toBeUndefined();
  expect(bench.journal).toEqual(['ack']);
  expect(bench.handler.counters).toMatchObject({ handled: 1, failed: 0 });
});

test('the record of earlier failures is forgotten after the ack, not before', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), { action: 'ack' });
  expect(bench.journal).toEqual(['ack', 'forget']);
});

test('a record that cannot be forgotten is logged and does no harm', async () => {
  const bench = new MessageBench().fail('forget');
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 2 }), { action: 'ack' });
  expect(bench.journal).toEqual(['ack']);
  expect(bench.log.lines).toMatchObject([{ level: 'warn', fields: { sequence: 7, stream: 'EVENTS' } }]);
});

test('a release is a nak without delay, and counts as nothing', () => {
  const bench = new MessageBench();
  void settle(bench.handler, bench.delivery(), { action: 'release' });
  expect(bench.journal).toEqual(['nak']);
  expect(bench.handler.counters).toEqual(new HandlerCounters());
  expect(bench.log.lines).toEqual([]);
});

test('an attempt is recorded before its nak', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery(), CHARGED);
  expect(bench.journal).toEqual(['record 2', 'nak 1000']);
  expect(bench.handler.counters).toMatchObject({ failed: 1, retried: 1, deadLettered: 0, lastError: 'broken' });
  expect(bench.log.lines).toMatchObject([
    {
      level: 'warn',
      fields: { handler: 'award', subject: 'video.watch_started', attempt: 2, attempts: 3, delayMs: 1_000, err: error },
    },
  ]);
});

test('an attempt that cannot be recorded is logged, and the event comes again all the same', async () => {
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
  expect(bench.journal).toEqual(['nak 600000']);
  expect(bench.handler.counters).toMatchObject({ failed: 0, retried: 1 });
});

test('a dead letter is stored before the message is terminated', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery('{"user_id":"u1"}'), BURY);
  expect(bench.journal).toEqual(['letter attempts-exhausted', 'term attempts-exhausted']);
  expect(bench.handler.counters).toMatchObject({ failed: 1, deadLettered: 1, lastError: 'broken' });
  expect(bench.letters).toMatchObject([
    { plugin: 'badge', handler: 'award', sequence: 7, headers: { 'x-attempts': '3' } },
  ]);
});

test('the record of a dead-lettered message is forgotten last', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), BURY);
  expect(bench.journal).toEqual(['letter attempts-exhausted', 'term attempts-exhausted', 'forget']);
});

test('a message whose letter cannot be stored is not terminated: it comes again', async () => {
  const bench = new MessageBench().fail('letter');
  await settle(bench.handler, bench.delivery({}, { deliveryCount: 3 }), BURY);
  expect(bench.journal).toEqual(['nak 5000']);
  expect(bench.handler.counters.deadLettered).toBe(0);
  expect(bench.log.lines).toMatchObject([
    {
      level: 'error',
      message: 'a dead letter could not be stored; the event stays in its stream',
      fields: { reason: 'attempts-exhausted' },
    },
  ]);
});

test('an event that never reached its handler is dead-lettered without counting as a failure of it', async () => {
  const bench = new MessageBench();
  await settle(bench.handler, bench.delivery(), { action: 'dead-letter', reason: 'invalid-json', error, attempts: 0 });
  expect(bench.handler.counters).toMatchObject({ failed: 0, deadLettered: 1 });
});

test.each<[string, Decision]>([
  ['ack', { action: 'ack' }],
  ['release', { action: 'release' }],
  ['retry', CHARGED],
  ['dead letter', BURY],
])('a second settling, by %s, is refused aloud', async (_what, decision) => {
  const bench = new MessageBench();
  const delivery = bench.delivery();
  await settle(bench.handler, delivery, { action: 'ack' });
  await expect((async () => settle(bench.handler, delivery, decision))()).rejects.toThrow('settled twice');
  expect(delivery.answers).toEqual(['ack']);
});
