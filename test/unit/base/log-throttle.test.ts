import { LogThrottle } from '../../../host/base/log-throttle';

test('a repeated message is logged at once, and again after an interval with the number of suppressed repeats', () => {
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
