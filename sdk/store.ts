import { refuseItself, TOKEN } from './token';

/** Options of a call within a handler of batches. */
export interface ForEvent {
  /** The event of the batch that the call is for: the call takes effect once for that event. */
  for?: object;
}

/**
 * A plugin's own key-value store. The NATS server keeps it as plain JSON in the bucket `jetplug-<plugin>`, so that
 * `nats kv get jetplug-badge u1` shows it. Inject it: `constructor(private readonly watches: Store<number>)`.
 *
 * A key is any string of 1–512 bytes. Every method rejects with a `JetplugError`: `JP_STORE_KEY_INVALID` for any other
 * key, `JP_STORE_VALUE_INVALID` for a value that JSON cannot hold (a `Date` is stored as its ISO string),
 * `JP_NUMBER_INEXACT` for a value of another program with a number that JavaScript cannot hold exactly, and
 * `JP_STORE_UNAVAILABLE` if the server does not answer.
 */
export abstract class Store<T = unknown> {
  static readonly [TOKEN] = 'store';

  constructor() {
    refuseItself(new.target, Store);
  }

  /** The value of a key, or `undefined` if it has none. */
  abstract get(key: string): Promise<T | undefined>;

  /**
   * Updates the value of a key and resolves with the new value. If another writer changes the value meanwhile, the
   * function runs again on the newer value.
   *
   * Within a handler the update is applied once for the event, however often the event is redelivered.
   *
   * @param change a pure, synchronous function from the current value (`undefined` at first) to the new one
   * @param options required in a handler of batches: `{ for: event }`; without it the call rejects with `JP_BATCH_EVENT`
   *
   * ```ts
   * const count = await this.watches.update(event.user_id, (n = 0) => n + 1);
   * ```
   */
  abstract update(key: string, change: (current: T | undefined) => T, options?: ForEvent): Promise<T>;

  /** Removes the value of a key, if it has one. A handler of batches must pass `{ for: event }`. */
  abstract delete(key: string, options?: ForEvent): Promise<void>;

  /** The keys that have a value, in no particular order. */
  abstract keys(): Promise<string[]>;

  /** A separate key space of the same plugin. The name consists of `[a-z0-9-]`, such as `'videos'`. */
  abstract scope<U>(name: string): Store<U>;
}
