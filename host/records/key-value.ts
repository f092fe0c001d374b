/**
 * A bucket on the server: text values with revisions. The folder host/nats makes it. Every method
 * rejects with `JP_STORE_UNAVAILABLE` when the server does not do it.
 */
export interface KeyValue {
  /** How often it was made again, empty, after the server had lost it: what was read before then holds no more. */
  readonly renewals?: number;
  /** The entry at the key; a deleted one has no value but still a revision. */
  get(key: string): Promise<Entry | undefined>;
  /**
   * Stores a value and resolves with its revision.
   * @param marks text kept beside the value, in a header: one line of ASCII
   * @param expected write only where the key's revision is this one (0: there never was one); else {@link Conflict}
   */
  put(key: string, value: string, expected?: number, marks?: string): Promise<number>;
  /** Removes the value and resolves with the revision that says so; `expected` as with {@link put}. */
  delete(key: string, expected?: number, marks?: string): Promise<number>;
  /** Removes the key, or with `<name>.>` all keys below a name, as if they had never been: no revision is left. */
  purge(key: string): Promise<void>;
  /** The keys beside whose values something is kept, with that. Reads the whole bucket, but for the values. */
  marked(): Promise<{ readonly key: string; readonly marks: string }[]>;
  /** The keys that have a value: all, or those below a name, `<under>.…`. */
  keys(under?: string): Promise<string[]>;
}

export interface Entry {
  readonly value: string | undefined;
  readonly revision: number;
  /** What was kept beside the value. */
  readonly marks?: string;
}

/** Another writer came first. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}
