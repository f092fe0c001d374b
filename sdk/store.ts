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
 * A handler's run is a transaction. All its changes, of any keys and scopes, the events that it publishes and the fact
 * that its event is done are committed together when the handler has returned. A run that fails leaves nothing. A run
 * reads its own changes. If another run has changed a value that this run has read, this run starts again before
 * anything of it is visible, so the handler may be called several times for one attempt.
 *
 * A key is any string of 1–512 bytes. Every method rejects with a `JetplugError`: `JP_STORE_KEY_INVALID` for any other
 * key, `JP_STORE_VALUE_INVALID` for a value that JSON cannot hold (a `Date` is stored as its ISO string),
 * `JP_NUMBER_INEXACT` for a value of another program with a number that JavaScript cannot hold exactly, and
 * `JP_STORE_UNAVAILABLE` if the server does not answer.
 *
 * The type of the values is one that JSON holds: a plugin that injects a `Store<Date>` or a `Store<Map<…>>` is a type error.
 */
export abstract class Store<T = unknown> {
  static readonly [TOKEN] = 'store';

  constructor() {
    refuseItself(new.target, Store);
  }

  /**
   * The value of a key, or `undefined` if it has none.
   *
   * Within a handler, the value may be one that another run of this host has not committed yet. It is checked when the
   * run is committed: if it has changed by then, also by a key that the run only reads, the run starts again. So runs
   * have the effects that they would have one after the other.
   */
  abstract get(key: string): Promise<T | undefined>;

  /**
   * Updates the value of a key and resolves with the new value.
   *
   * Within a handler the new value is not committed yet: it belongs to the run, and the run may fail or start again. It is
   * applied once for the event, however often the event is redelivered. A mail, or a call of another service, belongs into
   * `context.afterCommit`. Outside of a handler, the promise resolves when the value is committed; if another writer
   * changes the value meanwhile, the function runs again on the newer value.
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

  /**
   * The keys that have a value, in no particular order. Within a handler, the run's own changes are included. The list is
   * not checked when the run is committed: a key that another run adds or deletes meanwhile causes no conflict. `get` each
   * key on whose value the run depends.
   */
  abstract keys(): Promise<string[]>;

  /**
   * Commits what the handler has changed and published so far, in all scopes, before it returns. Resolves when that is
   * committed and the events are sent. The event is not done yet. The rest of the run is a transaction of its own; what
   * the run has read before is not checked any more.
   *
   * If the handler fails later, what is committed stays. The retry repeats the handler with the values that it has read
   * up to this call, and drops the changes and events before the call, so each part is applied once. The handler must
   * therefore come to the same calls of `commit` again, and compute the same from the same values
   * (`JP_COMMIT_POINT_MISSED`). A redriven dead letter starts anew: it applies all parts again.
   *
   * If the call rejects because of a conflict, the host starts the run again, whatever the handler does with the error.
   * A handler of batches cannot commit early (`JP_BATCH_COMMIT`). Outside of a handler, each change is committed on its
   * own, and the call does nothing.
   *
   * ```ts
   * await this.orders.update(id, () => 'paying');
   * await this.orders.commit();
   * await pay(id);
   * await this.orders.update(id, () => 'paid');
   * ```
   */
  abstract commit(): Promise<void>;

  /** A separate key space of the same plugin. The name consists of `[a-z0-9-]`, such as `'videos'`. */
  abstract scope<U>(name: string): Store<U>;
}
