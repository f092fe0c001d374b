import { plainFields, plainText, plainValue } from '../../../host/base/plain-value';
import { HOSTILE } from '../../support/hostile-values';

const values = Object.entries(HOSTILE);
const MOST = 100_000;

test.each(values)('a log line takes a copy of %s that JSON can hold', (_, make) => {
  expect(JSON.stringify(plainValue(make()) ?? null).length).toBeLessThan(MOST);
  for (const fields of [make(), { given: make() }, [make()]]) {
    const line = plainFields({ handler: 'award' }, fields);
    expect(line['handler']).toBe('award');
    expect(JSON.stringify(line).length).toBeLessThan(MOST);
  }
  expect(plainText(make()).length).toBeLessThan(10_000);
});

test('plain fields are written as they are', () => {
  const fields = { text: 'x', n: 1.5, yes: true, none: null, list: [1, [2]], deep: { a: { b: 'c' } }, at: new Date(0) };
  expect(plainFields({ known: 1 }, fields)).toEqual({ known: 1, ...fields, at: '1970-01-01T00:00:00.000Z' });
});

test('values that JSON cannot hold are logged as text', () => {
  expect(
    plainFields({}, { big: 10n, nan: NaN, symbol: Symbol('s'), gone: undefined, bytes: Buffer.from('abc') }),
  ).toEqual({
    big: '10n',
    nan: 'NaN',
    symbol: 'Symbol(s)',
    bytes: '3 bytes',
  });
});

test('circles are cut, and depth and length are bounded', () => {
  const circle: Record<string, unknown> = { name: 'c' };
  circle['self'] = circle;
  expect(plainValue(circle)).toEqual({ name: 'c', self: '[Circular]' });
  expect((plainValue(new Array(1_000).fill(1)) as unknown[]).at(-1)).toBe('… and 900 more');
  expect(plainValue('x'.repeat(10_000))).toMatch(/^x{8192}… \(10000 characters\)$/);
});

test('an object that occurs twice is not taken for a circle', () => {
  const shared = { a: 1 };
  expect(plainValue({ one: shared, two: shared })).toEqual({ one: { a: 1 }, two: { a: 1 } });
});

test('an error among the fields stays an error, and an error in place of the fields becomes the field err', () => {
  const error = new RangeError('broken');
  expect(plainFields({}, { err: error })['err']).toMatchObject({ name: 'RangeError', message: 'broken' });
  expect(plainFields({}, error)['err']).toMatchObject({ name: 'RangeError', message: 'broken' });
});

test('a field called __proto__ is logged like any other', () => {
  const copy = plainFields({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  expect(copy).not.toHaveProperty('polluted');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('the total size of a log line is bounded', () => {
  const error = () => Object.assign(new Error('x'.repeat(4_000)), { stack: 'y'.repeat(16_000) });
  const values = {
    texts: Array.from({ length: 100 }, () => 'z'.repeat(8_000)),
    errors: Array.from({ length: 100 }, error),
  };
  expect(JSON.stringify(plainFields({}, values)).length).toBeLessThan(200_000);
  expect(JSON.stringify(plainFields({}, { errors: Array.from({ length: 100 }, error), values })).length).toBeLessThan(
    200_000,
  );
});
