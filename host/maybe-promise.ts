/** A value, or the promise of one: what is at hand is passed on without a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** Calls the function with the value, now if it is at hand, else when its promise has resolved. */
export function then<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
