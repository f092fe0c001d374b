import fc from 'fast-check';
import { RetryLater } from 'jetplug/sdk';
import { durationMs, formatDuration, parseDuration } from '../../../sdk/duration';

test.each([
  [0, 0],
  [1.5, 1.5],
  ['0s', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['2m', 120_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['10 s', 10_000],
  [' 10s\n', 10_000],
  ['0.0004s', 0],
  ['0.0005s', 1],
])('%j is %d milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  -1,
  NaN,
  Infinity,
  '',
  's',
  '5',
  '-5s',
  '5 seconds',
  '5S',
  '1e3s',
  '.5s',
  '5.s',
  '5  s',
  '1h30m',
  '9'.repeat(400) + 'd',
  null,
  undefined,
  {},
  [],
  ['5s'],
  5n,
  true,
])('%p is no duration', (value) => {
  expect(parseDuration(value)).toBeUndefined();
});

test('every text is either a finite, non-negative number of milliseconds or refused', () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.stringMatching(/^[\d.]{0,12} ?$/), fc.constantFrom('ms', 's', 'm', 'h', 'd', ''))
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (value) => {
      const ms = parseDuration(value);
      expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});

test('an invalid duration is an error that names the value and the option it was given for', () => {
  expect(() => durationMs('soon', 'timeout')).toThrow(
    expect.objectContaining({
      code: 'JP_DURATION_INVALID',
      message: 'timeout is "soon", which is not a length of time',
    }),
  );
});

test('RetryLater has its delay in milliseconds, and refuses an invalid delay', () => {
  expect(new RetryLater('10m')).toMatchObject({ delayMs: 600_000, message: 'not yet', name: 'RetryLater' });
  expect(() => new RetryLater('later' as '1s')).toThrow(expect.objectContaining({ code: 'JP_DURATION_INVALID' }));
});

test.each([
  [0, '0ms'],
  [250, '250ms'],
  [30_000, '30s'],
  [90_000, '90s'],
  [120_000, '2m'],
  [3_600_000, '1h'],
  [604_800_000, '7d'],
])('%d milliseconds are written %s, and read as the same', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});
