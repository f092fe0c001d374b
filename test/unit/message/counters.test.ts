import { DURATION_BUCKETS_S, HandlerCounters } from '../../../host/message/counters';

test('counts each duration in the smallest bucket that fits, and longer durations in a last bucket', () => {
  const counters = new HandlerCounters();
  for (const seconds of [0, 0.001, 0.0011, 30, 31]) counters.observe(seconds);
  expect(counters.durations).toHaveLength(DURATION_BUCKETS_S.length + 1);
  expect(counters.durations.slice(0, 2)).toEqual([2, 1]);
  expect(counters.durations.slice(-2)).toEqual([1, 1]);
  expect(counters.durationSumS).toBeCloseTo(61.0021);
});
