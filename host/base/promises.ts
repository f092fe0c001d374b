import { types } from 'node:util';

const { then: nativeThen } = Promise.prototype;

/**
 * Returns a promise for a value that can be awaited; undefined for any other value. Thenables and subclasses of
 * `Promise` are wrapped in a promise that settles once, however often they call back.
 * @throws the error of a getter `then`
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return undefined;
  if (isOrdinary(value)) return value;
  const { then } = value as { then?: unknown };
  return typeof then === 'function' ? new Promise((resolve) => resolve(value)) : undefined;
}

/** Calls `done` or `failed` when the promise settles. Like `await`, it ignores a `then` that the promise itself defines. */
export function whenSettled<T, U>(
  promise: Promise<T>,
  done: (value: T) => U,
  failed: (thrown: unknown) => U,
): Promise<Awaited<U>> {
  return nativeThen.call(promise, done as never, failed) as Promise<Awaited<U>>;
}

/** Whether an `await` of the promise runs none of the author's code. */
function isOrdinary(value: object): value is Promise<unknown> {
  return (
    types.isPromise(value) && Object.getPrototypeOf(value) === Promise.prototype && !Object.hasOwn(value, 'constructor')
  );
}
