import { HandlerCounters } from '../../../../host/message/counters';
import { Prefetch } from '../../../../host/message/intake/prefetch';

const BOUNDS = { least: 8, first: 32, most: 500 };

function prefetchOf({ ackWaitMs = 30_000, perRun = 1, counters = new HandlerCounters() } = {}) {
  const prefetch = new Prefetch(BOUNDS, counters, ackWaitMs, perRun);
  const handle = (count: number, tookMs: number): number => {
    for (let i = 0; i < count; i++) counters.observe(tookMs / 1_000);
    prefetch.adapt(0);
    return prefetch.size;
  };
  return { prefetch, handle };
}

test('of what a handler takes a second for, no more and no less', () => {
  const { handle } = prefetchOf();
  expect(handle(10, 10)).toBe(100);
  expect(handle(1, 20)).toBe(50);
  expect(handle(100, 0.01)).toBe(BOUNDS.most);
  expect(handle(1, 5_000)).toBe(BOUNDS.least);
  expect(handle(3, 50)).toBe(20);
});

test('what a handler that blocks may hold back stays far below the ack wait', () => {
  expect(prefetchOf({ ackWaitMs: 2_000 }).handle(1, 10)).toBe(50);
});

test('a run of a batch takes many', () => {
  expect(prefetchOf({ perRun: 10 }).handle(1, 50)).toBe(200);
});

test('only what has happened since the last time counts', () => {
  const counters = new HandlerCounters();
  counters.observe(3_600);
  expect(prefetchOf({ counters }).handle(1, 10)).toBe(100);
});

test('while nothing happens it stays', () => {
  const { prefetch } = prefetchOf();
  prefetch.adapt(0);
  expect(prefetch.size).toBe(BOUNDS.first);
});

test('a run that does not end makes it less, and never more', () => {
  const { prefetch } = prefetchOf();
  prefetch.adapt(1);
  expect(prefetch.size).toBe(BOUNDS.first);
  prefetch.adapt(100);
  expect(prefetch.size).toBe(10);
  prefetch.adapt(60_000);
  expect(prefetch.size).toBe(BOUNDS.least);
});

test('large payloads are not to fill the memory', () => {
  const { prefetch, handle } = prefetchOf();
  for (let i = 0; i < 3; i++) prefetch.arrived(320_000);
  expect(handle(3, 0.1)).toBe(50);
  for (let i = 0; i < 3; i++) prefetch.arrived(200);
  expect(handle(3, 0.1)).toBe(BOUNDS.most);
});

test('a new version may have other bounds', () => {
  const { prefetch } = prefetchOf();
  prefetch.bound({ least: 1, first: 4, most: 20 });
  expect(prefetch.size).toBe(20);
});
