import { HandlerCounters } from '../../../../host/message/counters';
import { Prefetch } from '../../../../host/message/intake/prefetch';

const BOUNDS = { least: 8, first: 32, most: 500 };

function prefetchOf({ ackWaitMs = 30_000, perRun = 1, counters = new HandlerCounters() } = {}) {
  const prefetch = new Prefetch(BOUNDS, counters, ackWaitMs, perRun);
  const handle = (count: number, tookMs: number): number => {
    for (let i = 0; i < count; i++) counters.durations.observe(tookMs / 1_000);
    prefetch.adapt(0);
    return prefetch.size;
  };
  return { prefetch, handle };
}

test('the prefetch is the number of events that the handler handles in a second, within the bounds', () => {
  const { handle } = prefetchOf();
  expect(handle(10, 10)).toBe(100);
  expect(handle(1, 20)).toBe(50);
  expect(handle(100, 0.01)).toBe(BOUNDS.most);
  expect(handle(1, 5_000)).toBe(BOUNDS.least);
  expect(handle(3, 50)).toBe(20);
});

test('the prefetch of a handler with a short ack wait takes a fraction of the ack wait to handle', () => {
  expect(prefetchOf({ ackWaitMs: 2_000 }).handle(1, 10)).toBe(50);
});

test('the prefetch counts the events of a batch, not its runs', () => {
  expect(prefetchOf({ perRun: 10 }).handle(1, 50)).toBe(200);
});

test('the prefetch depends only on the runs since it was last adapted', () => {
  const counters = new HandlerCounters();
  counters.durations.observe(3_600);
  expect(prefetchOf({ counters }).handle(1, 10)).toBe(100);
});

test('the prefetch stays the same without any run', () => {
  const { prefetch } = prefetchOf();
  prefetch.adapt(0);
  expect(prefetch.size).toBe(BOUNDS.first);
});

test('a run that does not end reduces the prefetch, and never increases it', () => {
  const { prefetch } = prefetchOf();
  prefetch.adapt(1);
  expect(prefetch.size).toBe(BOUNDS.first);
  prefetch.adapt(100);
  expect(prefetch.size).toBe(10);
  prefetch.adapt(60_000);
  expect(prefetch.size).toBe(BOUNDS.least);
});

test('large payloads reduce the prefetch', () => {
  const { prefetch, handle } = prefetchOf();
  for (let i = 0; i < 3; i++) prefetch.arrived(320_000);
  expect(handle(3, 0.1)).toBe(50);
  for (let i = 0; i < 3; i++) prefetch.arrived(200);
  expect(handle(3, 0.1)).toBe(BOUNDS.most);
});

test('new bounds apply to the prefetch at once', () => {
  const { prefetch } = prefetchOf();
  prefetch.bound({ least: 1, first: 4, most: 20 });
  expect(prefetch.size).toBe(20);
});
