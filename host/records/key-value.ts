/**
 * A bucket on the server: text values with revisions. The folder host/nats implements it. Every method
 * rejects with `JP_STORE_UNAVAILABLE` if the server does not confirm the operation.
 */
export interface KeyValue {
  /**
   * The number of times that the bucket was created again, empty, after the server lost it. A change of this number
   * makes earlier reads invalid.
   */
  readonly renewals?: number;
  /**
   * Reads the entry at the key. A deleted entry has a revision but no value. In a cluster a replica that is behind may
   * answer, with an earlier entry.
   */
  get(key: string, options?: ReadOptions): Promise<Entry | undefined>;
  /**
   * Stores a value and resolves with its revision.
   * @param expected the revision that the key must have (0: none); if it has another one, the call rejects with
   * {@link Conflict}
   * @param position the position of the commit that the value comes from, for a header of its message
   */
  put(key: string, value: string, expected?: number, position?: number): Promise<number>;
  /**
   * Removes the value and resolves with the revision of the removal; `expected` and `position` are those of {@link put}.
   */
  delete(key: string, expected?: number, position?: number): Promise<number>;
  /** Removes the key, or with `<name>.>` all keys below a name, with all revisions. */
  purge(key: string): Promise<void>;
  /**
   * Calls the listener with the key of each value or removal that another program writes, before the bucket has stored
   * it. It may leave out some. Absent if no other program can write to the bucket. The listener must not throw.
   */
  onForeignWrite?(listener: (key: string) => void): () => void;
  /** Calls the listener when the server has lost the bucket, before the bucket is created again. */
  onLost?(listener: () => void): () => void;
  /** Lists the keys that have a value: all, or those that start with `<under>.`. */
  keys(under?: string): Promise<string[]>;
  /** Lists the keys that have an entry, which may be a removal. Creates nothing on the server. */
  entryKeys(): Promise<string[]>;
}

/** How recent an entry must be that is read. */
export interface ReadOptions {
  /**
   * Whether the leader answers; default false. The request takes about twice as long. A leader that was cut off from the
   * other replicas answers with an earlier entry for some seconds.
   */
  readonly latest?: boolean;
  /**
   * A revision that the bucket has reached, of any key. The entry is not earlier than this revision. All such reads of one
   * turn of the event loop share a request.
   */
  readonly asOf?: number;
}

export interface Entry {
  readonly value: string | undefined;
  readonly revision: number;
  /** The position of the commit that the value comes from; absent for a value that another program has written. */
  readonly position?: number;
}

/** Thrown when another writer has changed the key, so that the key's revision is not the expected one. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
}
