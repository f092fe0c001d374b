import { Circuit, type ChargedMessage } from '../../../host/message/circuit';
import type { MessageRef } from '../../../host/message/delivery';

const policy = { messages: 3, overMs: 1_000, probeMs: [100, 500] };
const message = (sequence: number): MessageRef => ({ stream: 'S', sequence, storedAtMs: 0 });

function bench() {
  const told: (string | readonly unknown[])[][] = [];
  let nowMs = 0;
  const circuit = new Circuit(
    policy,
    {
      opened: (discharged) => told.push(['opened', discharged.map(({ sequence }) => sequence)]),
      closed: () => told.push(['closed']),
      charged: (failed: readonly ChargedMessage[]) =>
        told.push(['charged', failed.map((one) => [one.message.sequence, one.failures])]),
    },
    () => nowMs,
  );
  const fail = (sequence: number): void => circuit.failed(message(sequence), new Error('down'));
  const pass = (sequence: number): void => circuit.succeeded(message(sequence));
  return { circuit, told, fail, pass, wait: (ms: number) => (nowMs += ms) };
}

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
  expect(told).toEqual([['opened', [1, 2, 3]], ['closed']]);
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

test('a dead-lettered message says no more of the handler', () => {
  const { circuit, fail } = bench();
  [1, 2, 3].forEach(fail);
  expect(circuit.isSuspicious).toBe(true);
  circuit.buried(message(2));
  expect(circuit.isSuspicious).toBe(false);
});
