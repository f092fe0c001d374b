import { runInNewContext } from 'node:vm';
import { isError, showThrown } from '../../../host/base/thrown';

class Odd extends Error {
  override get message(): string {
    throw new Error('trap');
  }
}
const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error('trap');
    },
  },
);

test('an error is recognised whichever realm, class or prototype it has', () => {
  const bare = Object.assign(Object.create(null) as object, { name: 'E', message: 'm', stack: 's' });
  for (const error of [
    new Error('x'),
    new TypeError('x'),
    new AggregateError([]),
    runInNewContext('new Error("x")'),
    bare,
  ]) {
    expect(isError(error)).toBe(true);
  }
});

test.each([
  undefined,
  null,
  0,
  '',
  'text',
  Symbol('s'),
  {},
  { message: 'x' },
  { name: 'E', message: 1, stack: '' },
  [],
  () => 1,
])('%p is no error', (value) => {
  expect(isError(value)).toBe(false);
});

test('a value whose getters throw is not an error, and is shown nevertheless', () => {
  for (const value of [trap, new Odd()]) {
    expect(isError(value)).toBe(false);
    expect(showThrown(value)).toMatch(/^({}|object that cannot be shown)$/);
  }
});

test.each<[unknown, string]>([
  [new Error('broken'), 'broken'],
  ['broken', "'broken'"],
  [undefined, 'undefined'],
  [5n, '5n'],
  [Symbol('s'), 'Symbol(s)'],
  [Object.create(null), '[Object: null prototype] {}'],
  [{ code: 1, deep: { er: { est: 1 } } }, '{ code: 1, deep: { er: [Object] } }'],
])('%p is shown as %s', (thrown, text) => {
  expect(showThrown(thrown)).toBe(text);
});

test('a long text is cut', () => {
  expect(showThrown('x'.repeat(10_000))).toHaveLength(200);
});

test('errors of 10 MB within objects, and objects of many fields, are not walked to their ends', () => {
  const error = Object.assign(new Error('x'), { stack: '\n    at x (/x:1:1)'.repeat(500_000) });
  const within = { message: error, name: error, cause: error };
  const fields = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`field${i}`, i]));
  for (const value of [{ error }, { a: within, b: within }, [within], fields]) {
    const startedMs = performance.now();
    expect(showThrown(value)).toBe('an object that is too large to be shown');
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  }
});
