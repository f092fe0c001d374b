import {
  CircuitBreaker,
  type ChargedMessage,
  type CircuitBefore,
} from '../../../../host/message/failures/circuit-breaker';
import type { MessageRef } from '../../../../host/broker/delivery';

const policy = { messages: 3, overMs: 1_000, probeMs: [100, 500] };
const message = (sequence: number): MessageRef => ({ stream: 'S', sequence, storedAtMs: 0 });

function bench(before?: CircuitBefore) {
  const told: (string | readonly unknown[])[][] = [];
  let nowMs = 0;
  const circuit = new CircuitBreaker(
    policy,
    {
      opened: ({ since, reason }) => told.push(['opened', `${since.getTime()} ${reason}`]),
      closed: () => told.push(['closed']),
      charged: (failed: readonly ChargedMessage[]) =>
        told.push(['charged', failed.map((one) => [one.message.sequence, one.failures])]),
    },
    before,
    () => nowMs,
  );
  const fail = (sequence: number): void => circuit.failed(message(sequence), new Error('down'));
  const pass = (sequence: number): void => circuit.succeeded(message(sequence));
  return { circuit, told, fail, pass, wait: (ms: number) => (nowMs += ms) };
}

test('when there is hope that it works again, the waits between probes begin anew, and what has failed may be one', () => {
  const { circuit, fail, wait } = bench({ outage: { since: new Date(0), reason: 'down' }, failing: [] });
  circuit.probed();
  fail(1);
  expect(circuit.probeDelayMs).toBe(500);
  expect(circuit.hasTried(message(1))).toBe(true);
  circuit.resetProbes();
  expect(circuit.hasTried(message(1))).toBe(false);
  expect(circuit.probeDelayMs).toBe(100);
  wait(10_000);
  fail(1);
  expect(circuit.isOpen).toBe(true);
});

test('a failure is charged when another message succeeds', () => {
  const { told, fail, pass } = bench();
  fail(1);
  fail(1);
  fail(2);
  pass(3);
  expect(told).toEqual([
    [
      'charged',
      [
        [1, 2],
        [2, 1],
      ],
    ],
  ]);
});

test('a message that succeeds in the end is not charged for its own failures', () => {
  const { told, fail, pass } = bench();
  fail(1);
  pass(1);
  expect(told).toEqual([]);
});

test('it opens when enough distinct messages have failed for long enough, and forgets their failures', () => {
  const { circuit, told, fail, pass, wait } = bench();
  fail(1);
  fail(2);
  fail(3);
  expect(circuit.isOpen).toBe(false);
  wait(1_000);
  fail(1);
  expect(circuit.isOpen).toBe(true);
  expect(circuit.outage).toEqual({ since: new Date(1_000), reason: 'down' });
  pass(9);
  expect(told).toEqual([['opened', '1000 down'], ['closed']]);
});

test('runs that were under way when it opened do not count as probes', () => {
  const { circuit, fail, wait } = bench();
  [1, 2].forEach(fail);
  wait(1_000);
  fail(3);
  [4, 5, 6].forEach(fail);
  expect(circuit.probeDelayMs).toBe(100);
});

test('one message alone never opens it, however often it fails', () => {
  const { circuit, fail, wait } = bench();
  for (let i = 0; i < 100; i++) {
    wait(1_000);
    fail(1);
  }
  expect(circuit.isOpen).toBe(false);
  expect(circuit.isSuspicious).toBe(false);
});

test('a success in between starts the count anew', () => {
  const { circuit, fail, pass, wait } = bench();
  fail(1);
  fail(2);
  pass(9);
  wait(1_000);
  fail(3);
  fail(4);
  expect(circuit.isOpen).toBe(false);
});

test('probes come at growing intervals while it is open', () => {
  const { circuit, fail, wait } = bench();
  [1, 2].forEach(fail);
  wait(1_000);
  fail(3);
  expect(circuit.probeDelayMs).toBe(100);
  circuit.probed();
  expect(circuit.probeDelayMs).toBe(500);
  circuit.probed();
  expect(circuit.probeDelayMs).toBe(500);
});

test('a dead-lettered message still tells that the handler fails: with one attempt, too, an outage is seen', () => {
  const { circuit, fail } = bench();
  [1, 2, 3].forEach(fail);
  expect(circuit.isSuspicious).toBe(true);
  circuit.buried(message(2));
  expect(circuit.isSuspicious).toBe(true);
});

test('messages of two streams that have one sequence are two', () => {
  const { circuit, told, pass } = bench();
  for (const stream of ['S', 'RETRY', 'T']) circuit.failed({ ...message(1), stream }, new Error('down'));
  expect(circuit.isSuspicious).toBe(true);
  pass(1);
  expect(told).toEqual([
    [
      'charged',
      [
        [1, 1],
        [1, 1],
      ],
    ],
  ]);
});

test('one that was open before the host started is open, and closes with the first success', () => {
  const outage = { since: new Date(5), reason: 'was down' };
  const { circuit, told, fail, pass } = bench({ outage, failing: [message(1)] });
  expect([circuit.isOpen, circuit.outage, circuit.probeDelayMs]).toEqual([true, outage, 100]);
  fail(2);
  pass(3);
  expect([circuit.isOpen, told]).toEqual([false, [['closed']]]);
});

test('what failed before the host started counts among what fails', () => {
  const { circuit, told, fail, wait } = bench({ failing: [1, 2, 3].map(message) });
  expect(circuit.isSuspicious).toBe(true);
  fail(3);
  expect(circuit.isOpen).toBe(false);
  wait(1_000);
  fail(3);
  expect(told).toEqual([['opened', '1000 down']]);
});

test('what failed before the host started is charged when another message succeeds', () => {
  const { told, pass } = bench({ failing: [1, 2].map(message) });
  pass(2);
  expect(told).toEqual([['charged', [[1, 1]]]]);
});

test('what has failed in this outage is known until it is over', () => {
  const { circuit, fail, pass, wait } = bench();
  [1, 2].forEach(fail);
  wait(1_000);
  fail(3);
  fail(7);
  expect([1, 3, 7, 8].map((sequence) => circuit.hasTried(message(sequence)))).toEqual([true, true, true, false]);
  pass(8);
  expect(circuit.hasTried(message(1))).toBe(false);
});
