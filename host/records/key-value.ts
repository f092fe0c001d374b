/**
 * A bucket on the server: text values with revisions. The folder host/nats implements it. Every method
 * rejects with `JP_STORE_UNAVAILABLE` if the server does not confirm the operation.
 */
export interface KeyValue {
  /** How often the bucket was created again, empty, after the server lost it. Earlier reads are then invalid. */
  readonly renewals?: number;
  /** The entry at the key. A deleted entry has a revision but no value. */
  get(key: string): Promise<Entry | undefined>;
  /**
   * Stores a value and resolves with its revision.
   * @param expected write only if the key has this revision (0: the key has none), otherwise reject with {@link Conflict}
   * @param marks text stored in a header of the value's message: one line of ASCII
   */
  put(key: string, value: string, expected?: number, marks?: string): Promise<number>;
  /** Removes the value and resolves with the revision of the removal; `expected` and `marks` as with {@link put}. */
  delete(key: string, expected?: number, marks?: string): Promise<number>;
  /** Removes the key, or with `<name>.>` all keys below a name, with all revisions. */
  purge(key: string): Promise<void>;
  /** The keys that have marks, with their marks. Reads the headers of the whole bucket, but no values. */
  marked(): Promise<{ readonly key: string; readonly marks: string }[]>;
  /** The keys that have a value: all, or those that start with `<under>.`. */
  keys(under?: string): Promise<string[]>;
}

export interface Entry {
  readonly value: string | undefined;
  readonly revision: number;
  /** The text that was stored in the header. */
  readonly marks?: string;
}

/** Another writer has changed the key: its revision is not the expected one. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}
