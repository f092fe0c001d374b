import { types } from 'node:util';

const { then: nativeThen } = Promise.prototype;

/**
 * The promise of a value that can be awaited; nothing where it cannot. What only has a `then`, and a promise whose
 * class is not `Promise`, is followed by a promise of the host's: it settles once, whatever calls back how often.
 * @throws what reading the value's `then` throws
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return undefined;
  if (isOrdinary(value)) return value;
  const { then } = value as { then?: unknown };
  return typeof then === 'function' ? new Promise((resolve) => resolve(value)) : undefined;
}

/** Calls one of both when the promise settles. As `await` does, it takes no notice of a `then` of the promise's own. */
export function whenSettled<T, U>(
  promise: Promise<T>,
  done: (value: T) => U,
  failed: (thrown: unknown) => U,
): Promise<Awaited<U>> {
  return nativeThen.call(promise, done as never, failed) as Promise<Awaited<U>>;
}

/** A promise by which nothing of an author's is called. */
function isOrdinary(value: object): value is Promise<unknown> {
  return (
    types.isPromise(value) && Object.getPrototypeOf(value) === Promise.prototype && !Object.hasOwn(value, 'constructor')
  );
}
