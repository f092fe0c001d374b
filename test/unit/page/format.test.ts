import { ago, bytes, count, duration, exactTime, plural, rate, shortPath } from '../../../page/lib/format';

describe('a number', () => {
  it.each([
    [0, '0'],
    [1204, '1,204'],
    [99_999, '99,999'],
    [184_210, '184.2K'],
    [1_250_000, '1.3M'],
  ])('%d is shown as %s', (value, text) => expect(count(value)).toBe(text));

  it.each([
    [0, '0/s'],
    [0.04, '<0.1/s'],
    [2.44, '2.4/s'],
    [127.8, '128/s'],
    [184_210, '184.2K/s'],
  ])('a rate of %d is shown as %s', (value, text) => expect(rate(value)).toBe(text));

  it.each([
    [0, '0 ms'],
    [0.4, '<1 ms'],
    [340.4, '340 ms'],
    [1240, '1.2 s'],
    [59_000, '59 s'],
    [1_320_000, '22 min'],
    [3_600_000, '1 h'],
    [4_200_000, '1 h 10 min'],
    [36_000_000, '10 h'],
    [259_200_000, '3 d'],
  ])('%d ms are shown as %s', (value, text) => expect(duration(value)).toBe(text));

  it('is said with its word in the right number', () => {
    expect([plural(0, 'letter'), plural(1, 'letter'), plural(2, 'letter')]).toEqual([
      '0 letters',
      '1 letter',
      '2 letters',
    ]);
  });

  it('of bytes has its unit', () =>
    expect([bytes(12), bytes(4096), bytes(5 * 1024 ** 2)]).toEqual(['12 B', '4 KiB', '5 MiB']));
});

describe('a time', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');

  it.each([
    ['2026-03-01T11:59:59.5Z', 'just now'],
    ['2026-03-01T11:59:48Z', '12 s ago'],
    ['2026-03-01T11:57:00Z', '3 min ago'],
    ['2026-03-01T09:13:00Z', '2 h ago'],
    ['2026-02-24T12:00:00Z', '5 d ago'],
    ['2026-03-01T12:38:00Z', 'in 38 min'],
    ['unknown', 'unknown'],
  ])('%s is shown as %s', (time, text) => expect(ago(time, now)).toBe(text));

  it('that is no time is shown as it stands', () => expect(exactTime('unknown')).toBe('unknown'));
});

it('a path is shortened to its last two parts', () =>
  expect(shortPath('/app/plugins/badge.plugin.ts')).toBe('plugins/badge.plugin.ts'));
