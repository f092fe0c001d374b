/** A value, or the promise of one: what is at hand is passed on without a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls the function with the value, now if it is at hand, else when its promise has resolved. */
export function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** Does it to each, and begins with every one whatever becomes of the others; what is at hand for all of them is not awaited. */
export function all<T, U>(items: readonly T[], work: (item: T, index: number) => MaybePromise<U>): MaybePromise<U[]> {
  const results = items.map((item, i) => attempt(() => work(item, i)));
  return results.some(isPromise) ? Promise.all(results) : (results as U[]);
}

/** A throw becomes a rejection. */
export function attempt<U>(work: () => MaybePromise<U>): MaybePromise<U> {
  try {
    return work();
  } catch (error) {
    return Promise.resolve(error).then(rethrow);
  }
}

export function rethrow(thrown: unknown): never {
  throw thrown;
}
