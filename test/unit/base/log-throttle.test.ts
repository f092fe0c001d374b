import { LogThrottle } from '../../../host/base/log-throttle';

test('what is repeated is said at once, and again after a while with how often it was left out', () => {
  let nowMs = 0;
  const repeats = new LogThrottle(1_000, () => nowMs);
  expect(repeats.note('a')).toBe(0);
  expect(repeats.note('a')).toBeUndefined();
  expect(repeats.note('a')).toBeUndefined();
  expect(repeats.note('b')).toBe(0);
  nowMs = 1_000;
  expect(repeats.note('a')).toBe(2);
  expect(repeats.note('b')).toBe(0);
});
