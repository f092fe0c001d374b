import {
  CircuitBreaker,
  type ChargedMessage,
  type CircuitBefore,
} from '../../../../host/message/failures/circuit-breaker';
import type { MessageRef } from '../../../../host/broker/delivery';

const policy = { messages: 3, overMs: 1_000, probeMs: [100, 500] };
const message = (sequence: number): MessageRef => ({ stream: 'S', sequence, storedAtMs: 0 });

function bench(before?: CircuitBefore) {
  const calls: (string | readonly unknown[])[][] = [];
  let nowMs = 0;
  const circuit = new CircuitBreaker(
    policy,
    {
      opened: ({ since, reason }) => calls.push(['opened', `${since.getTime()} ${reason}`]),
      closed: () => calls.push(['closed']),
      charged: (failed: readonly ChargedMessage[]) =>
        calls.push(['charged', failed.map((one) => [one.message.sequence, one.failures])]),
    },
    before,
    () => nowMs,
  );
  const fail = (sequence: number): void => circuit.failed(message(sequence), new Error('down'));
  const pass = (sequence: number): void => circuit.succeeded(message(sequence));
  return { circuit, calls, fail, pass, wait: (ms: number) => (nowMs += ms) };
}

test('resetting the probes restarts the probe backoff, and events that have failed may be probed again', () => {
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
  const { calls, fail, pass } = bench();
  fail(1);
  fail(1);
  fail(2);
  pass(3);
  expect(calls).toEqual([
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
  const { calls, fail, pass } = bench();
  fail(1);
  pass(1);
  expect(calls).toEqual([]);
});

test('the circuit opens when enough distinct messages have failed for long enough, and forgets their failures', () => {
  const { circuit, calls, fail, pass, wait } = bench();
  fail(1);
  fail(2);
  fail(3);
  expect(circuit.isOpen).toBe(false);
  wait(1_000);
  fail(1);
  expect(circuit.isOpen).toBe(true);
  expect(circuit.outage).toEqual({ since: new Date(1_000), reason: 'down' });
  pass(9);
  expect(calls).toEqual([['opened', '1000 down'], ['closed']]);
});

test('runs that were in flight when the circuit opened do not count as probes', () => {
  const { circuit, fail, wait } = bench();
  [1, 2].forEach(fail);
  wait(1_000);
  fail(3);
  [4, 5, 6].forEach(fail);
  expect(circuit.probeDelayMs).toBe(100);
});

test('one message alone never opens the circuit, however often it fails', () => {
  const { circuit, fail, wait } = bench();
  for (let i = 0; i < 100; i++) {
    wait(1_000);
    fail(1);
  }
  expect(circuit.isOpen).toBe(false);
  expect(circuit.isSuspicious).toBe(false);
});

test('a success in between resets the count', () => {
  const { circuit, fail, pass, wait } = bench();
  fail(1);
  fail(2);
  pass(9);
  wait(1_000);
  fail(3);
  fail(4);
  expect(circuit.isOpen).toBe(false);
});

test('while the circuit is open the intervals between probes grow', () => {
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

test('a dead-lettered message still counts as failing, so an outage is detected with one attempt as well', () => {
  const { circuit, fail } = bench();
  [1, 2, 3].forEach(fail);
  expect(circuit.isSuspicious).toBe(true);
  circuit.buried(message(2));
  expect(circuit.isSuspicious).toBe(true);
});

test('messages of two streams with the same sequence are two messages', () => {
  const { circuit, calls, pass } = bench();
  for (const stream of ['S', 'RETRY', 'T']) circuit.failed({ ...message(1), stream }, new Error('down'));
  expect(circuit.isSuspicious).toBe(true);
  pass(1);
  expect(calls).toEqual([
    [
      'charged',
      [
        [1, 1],
        [1, 1],
      ],
    ],
  ]);
});

test('a circuit that was open before the host started is still open, and closes with the first success', () => {
  const outage = { since: new Date(5), reason: 'was down' };
  const { circuit, calls, fail, pass } = bench({ outage, failing: [message(1)] });
  expect([circuit.isOpen, circuit.outage, circuit.probeDelayMs]).toEqual([true, outage, 100]);
  fail(2);
  pass(3);
  expect([circuit.isOpen, calls]).toEqual([false, [['closed']]]);
});

test('a message that failed before the host started counts as failing', () => {
  const { circuit, calls, fail, wait } = bench({ failing: [1, 2, 3].map(message) });
  expect(circuit.isSuspicious).toBe(true);
  fail(3);
  expect(circuit.isOpen).toBe(false);
  wait(1_000);
  fail(3);
  expect(calls).toEqual([['opened', '1000 down']]);
});

test('a failure from before the host started is charged when another message succeeds', () => {
  const { calls, pass } = bench({ failing: [1, 2].map(message) });
  pass(2);
  expect(calls).toEqual([['charged', [[1, 1]]]]);
});

test('the messages that have failed in an outage are known until it ends', () => {
  const { circuit, fail, pass, wait } = bench();
  [1, 2].forEach(fail);
  wait(1_000);
  fail(3);
  fail(7);
  expect([1, 3, 7, 8].map((sequence) => circuit.hasTried(message(sequence)))).toEqual([true, true, true, false]);
  pass(8);
  expect(circuit.hasTried(message(1))).toBe(false);
});
