import { isPromise, then } from '../../../host/base/maybe-promise';

test('a plain value is passed on synchronously', () => {
  expect(then(1, (n) => n + 1)).toBe(2);
});

test('a promise is passed on when it has resolved, and so is a promise that the callback returns', async () => {
  const result = then(Promise.resolve(1), (n) => Promise.resolve(n + 1));
  expect(isPromise(result)).toBe(true);
  expect(await result).toBe(2);
});

test('a rejection rejects the result, and so does a callback that throws', async () => {
  const error = new Error('x');
  await expect(then(Promise.reject<number>(error), (n) => n)).rejects.toBe(error);
  const throwing = (): never => {
    throw error;
  };
  await expect(then(Promise.resolve(1), throwing)).rejects.toBe(error);
  expect(() => then(1, throwing)).toThrow(error);
});

test.each<[unknown, boolean]>([
  [Promise.resolve(), true],
  [{ then: () => undefined }, true],
  [{ then: 1 }, false],
  [null, false],
  [undefined, false],
  ['then', false],
])('%p is a promise: %p', (value, is) => {
  expect(isPromise(value)).toBe(is);
});
