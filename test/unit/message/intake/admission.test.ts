import { HandlerCounters } from '../../../../host/message/counters';
import { Admission } from '../../../../host/message/intake/admission';

function admission(maxBuffered = Infinity) {
  const prefetch = { least: 2, first: 8, most: 100 };
  return new Admission({ ackWaitMs: 15_000, prefetch, counters: new HandlerCounters(), maxBuffered });
}

test('the capacity is the prefetch minus the queued deliveries', () => {
  expect(admission().capacity(3, 5)).toBe(5);
});

test('the capacity is limited by the maximum, which includes the deliveries that wait for an earlier event of their key', () => {
  const bounded = admission(10);
  expect(bounded.capacity(0, 7)).toBe(3);
  expect([bounded.isFull(9), bounded.isFull(10)]).toEqual([false, true]);
});

test('admits as many runs as are allowed: none, a number, or any number', () => {
  const probe = admission();
  probe.take();
  expect(probe.isOpen).toBe(true);
  probe.allow(0);
  expect(probe.isOpen).toBe(false);
  probe.allow(1);
  expect(probe.isOpen).toBe(true);
  probe.take();
  expect(probe.isOpen).toBe(false);
});

test('changed limits apply at once', () => {
  const bounded = admission();
  bounded.rebound({ least: 20, first: 20, most: 40 });
  expect(bounded.capacity(0, 0)).toBe(20);
});
