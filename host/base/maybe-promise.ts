/** A value, or the promise of one. A value is passed on without a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls `next` with a value at once, or with a promise's value when the promise has resolved. */
export function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/**
 * Calls `work` for each item, even if the call for another item throws. Returns the values themselves, not a promise,
 * if no call throws or returns a promise.
 */
export function all<T, U>(items: readonly T[], work: (item: T, index: number) => MaybePromise<U>): MaybePromise<U[]> {
  const results = items.map((item, i) => attempt(() => work(item, i)));
  return results.some(isPromise) ? Promise.all(results) : (results as U[]);
}

/** Calls `work`. If the call throws, returns a rejected promise. */
export function attempt<U>(work: () => MaybePromise<U>): MaybePromise<U> {
  try {
    return work();
  } catch (error) {
    return Promise.resolve(error).then(rethrow);
  }
}

function rethrow(thrown: unknown): never {
  throw thrown;
}
