import { HandlerCounters } from '../../../../host/message/counters';
import { Admission } from '../../../../host/message/intake/admission';

function admission(maxHeld = Infinity) {
  const prefetch = { least: 2, first: 8, most: 100 };
  return new Admission({ ackWaitMs: 15_000, prefetch, counters: new HandlerCounters(), maxHeld });
}

test('has room for its prefetch, less what is queued', () => {
  expect(admission().room(3, 5)).toBe(5);
});

test('has no more room than its maximum leaves, with those that wait for an earlier event of their key', () => {
  const bounded = admission(10);
  expect(bounded.room(0, 7)).toBe(3);
  expect([bounded.isFull(9), bounded.isFull(10)]).toEqual([false, true]);
});

test('lets begin as many as are allowed: none, so many, any number', () => {
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

test('other bounds hold at once', () => {
  const bounded = admission();
  bounded.rebound({ least: 20, first: 20, most: 40 });
  expect(bounded.room(0, 0)).toBe(20);
});
