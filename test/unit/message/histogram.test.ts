import { Histogram } from '../../../host/message/histogram';

test('counts each duration in the smallest bucket that fits, and longer durations in a last bucket', () => {
  const histogram = new Histogram([0.001, 1, 30]);
  for (const seconds of [0, 0.001, 0.0011, 30, 31]) histogram.observe(seconds);
  expect(histogram.counts).toEqual([2, 1, 1, 1]);
  expect(histogram.count).toBe(5);
  expect(histogram.sumS).toBeCloseTo(61.0021);
});
