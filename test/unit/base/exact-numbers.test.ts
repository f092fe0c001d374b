import fc from 'fast-check';
import { findInexactNumber, isExactDecimal } from '../../../host/base/exact-numbers';

const EXACT = [
  '0',
  '-0',
  '0.0',
  '0e999999',
  '1.0',
  '1e2',
  '100',
  '1E+2',
  '0.1',
  '12.50',
  '-0.000001',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740992',
  '1e21',
  '1.7976931348623157e308',
  '5e-324',
  '0.30000000000000004',
  '1.0000000000000000000000',
  '123000000000000000000000',
];
const INEXACT = [
  '9007199254740993',
  '-9007199254740993',
  '1497549923779084388',
  '18446744073709551615',
  '1e400',
  '-1e400',
  '1e-400',
  '0.10000000000000000055511151231257827',
  '0.1234567890123456789',
  '1.7976931348623157081e308',
  '5.1e-324',
  '1.00000000000000000001',
  '9007199254740993.0',
  '9007199254740993e0',
  '1e99999999999999999999',
];

test.each(EXACT)('%s is exact', (literal) => {
  expect(findInexactNumber(literal)).toBeUndefined();
  expect(findInexactNumber(`{"a":[1,${literal}]}`)).toBeUndefined();
});

test.each(INEXACT)('%s is not exact', (literal) => {
  expect(findInexactNumber(literal)).toEqual({ path: '', literal });
  expect(findInexactNumber(`{"a":[1, ${literal} ]}`)).toEqual({ path: 'a.1', literal });
});

test('the path of the inexact number is named', () => {
  const big = '9007199254740993';
  expect(findInexactNumber(`{"user":{"ids":["x",{"n" \n: ${big}}]},"z":1}`)?.path).toBe('user.ids.1.n');
  expect(findInexactNumber(`{"a":{"b":1},"c":[[],[1,2],[${big}]]}`)?.path).toBe('c.2.0');
  expect(findInexactNumber(`{"a\\u0062\\"c":${big}}`)?.path).toBe('ab"c');
  expect(findInexactNumber(`[{"a":1},${big}]`)?.path).toBe('1');
});

test('digits within strings and keys are not taken for numbers', () => {
  for (const text of [
    '"9007199254740993"',
    '{"9007199254740993":"1e400"}',
    '{"a":"\\"9007199254740993","b":"\\\\","c":1}',
    '{"a":":9007199254740993,"}',
    '["6e0c", true, false, null]',
  ]) {
    JSON.parse(text);
    expect(findInexactNumber(text)).toBeUndefined();
  }
  expect(findInexactNumber('{"a":"\\\\","b":9007199254740993}')?.path).toBe('b');
});

/** The decimal as a fraction of two whole numbers. */
function fraction(decimal: string): [bigint, bigint] {
  const [mantissa, exponent = '0'] = decimal.toLowerCase().split('e');
  const [whole, part = ''] = mantissa!.split('.');
  const power = Number(exponent) - part.length;
  const digits = BigInt(`${whole!.replace('-', '')}${part}`) * (whole!.startsWith('-') ? -1n : 1n);
  return power >= 0 ? [digits * 10n ** BigInt(power), 1n] : [digits, 10n ** BigInt(-power)];
}

function denotesTheSame(a: string, b: string): boolean {
  const [[p, q], [r, s]] = [fraction(a), fraction(b)];
  return p * s === r * q;
}

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(''));
const whole = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.integer({ min: 1, max: 9 }), digits(0, 24)).map(([first, rest]) => `${first}${rest}`),
  // Around the largest whole number up to which all are exact.
  fc.integer({ min: -40, max: 40 }).map((near) => String(2n ** 53n + BigInt(near))),
);
const literal = fc
  .tuple(
    fc.constantFrom('', '-'),
    whole,
    fc.option(digits(1, 24), { nil: undefined }),
    fc.option(fc.integer({ min: -340, max: 320 }), { nil: undefined }),
  )
  .map(([sign, int, part, power]) => `${sign}${int}${part ? `.${part}` : ''}${power === undefined ? '' : `e${power}`}`);

test('a number is exact just where JSON.stringify of what it parses to denotes the same decimal', () => {
  fc.assert(
    fc.property(fc.oneof(literal, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)), (text) => {
      const value = Number(text);
      const expected = Number.isFinite(value) && denotesTheSame(text, JSON.stringify(value));
      expect(isExactDecimal(text)).toBe(expected);
      expect(findInexactNumber(`{"a":${text.replace('e+', 'e')}}`) === undefined).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('every number that JSON.stringify writes is exact', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => findInexactNumber(JSON.stringify(value)) === undefined));
});

test('a long text is checked to its end', () => {
  expect(findInexactNumber(`{"a":[${'1e1,'.repeat(1_000)}1${'0'.repeat(300)}1]}`)?.path).toBe('a.1000');
  expect(findInexactNumber(`{"a":1.${'0'.repeat(10_000)}1}`)?.path).toBe('a');
  expect(findInexactNumber(`{"a":"${'\\"'.repeat(10_000)}","b":1e1}`)).toBeUndefined();
});

test.each<[string, (length: number) => string]>([
  ['exponents', (length) => `[${'1e1,'.repeat(length)}1]`],
  ['zeros', (length) => `[1.${'0'.repeat(4 * length)}]`],
  ['escapes', (length) => `["${'\\"'.repeat(2 * length)}",1e1]`],
])('a text sixteen times as long, of %s, takes about sixteen times as long, not its square', (_, textOf) => {
  const bestOf = (text: string): number =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const startedAtMs = performance.now();
        findInexactNumber(text);
        return performance.now() - startedAtMs;
      }),
    );
  expect(bestOf(textOf(64_000)) / bestOf(textOf(4_000))).toBeLessThan(128);
});
