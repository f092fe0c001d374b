import { refuseItself, TOKEN } from './token';

/** What a call within a handler of batches must say. */
export interface ForEvent {
  /** The event of the batch that the call is made for, so that it takes effect once for that event. */
  for?: object;
}

/**
 * A plugin's own key-value space, kept on the NATS server (bucket `jetplug-<plugin>`) as plain JSON:
 * `nats kv get jetplug-badge u1` reads well. Inject it: `constructor(private readonly watches: Store<number>)`.
 *
 * Any string of 1–512 bytes is a key. Every method rejects with a `JetplugError`: `JP_STORE_KEY_INVALID`
 * for a key that is not, `JP_STORE_VALUE_INVALID` for a value that JSON cannot hold (a `Date` is kept as its ISO
 * string), `JP_NUMBER_INEXACT` for one of another program with a number that cannot be kept exactly, and
 * `JP_STORE_UNAVAILABLE` when the server does not answer.
 */
export abstract class Store<T = unknown> {
  static readonly [TOKEN] = 'store';

  constructor() {
    refuseItself(new.target, Store);
  }

  /** The value at the key, or `undefined` where there is none. */
  abstract get(key: string): Promise<T | undefined>;

  /**
   * Changes one value and resolves with the new one. The change is made on the value as it stands on
   * the server: where another writer came first, the function runs again on the newer value.
   *
   * Within a handler it is applied once for the event, however often that comes.
   *
   * @param change pure and synchronous; it gets the present value (`undefined` at first) and returns the next
   * @param options in a handler of batches: `{ for: event }`, else it rejects with `JP_BATCH_EVENT`
   *
   * ```ts
   * const count = await this.watches.update(event.user_id, (n = 0) => n + 1);
   * ```
   */
  abstract update(key: string, change: (current: T | undefined) => T, options?: ForEvent): Promise<T>;

  /** Removes the value at the key; no error where there is none. In a handler of batches: with `{ for: event }`. */
  abstract delete(key: string, options?: ForEvent): Promise<void>;

  /** The keys that have a value, in no particular order. */
  abstract keys(): Promise<string[]>;

  /** A second, separate key space of the same plugin. The name is of `[a-z0-9-]`, such as `'videos'`. */
  abstract scope<U>(name: string): Store<U>;
}
