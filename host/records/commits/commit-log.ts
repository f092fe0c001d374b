/** A message of a commit log. */
export interface LoggedCommit {
  /** The message's sequence in the log. Each commit has the position that follows the one before. */
  readonly position: number;
  readonly text: string;
  /**
   * When the server has stored the commit, by its own clock, in milliseconds since 1970. Absent for a commit that
   * {@link CommitLog.follow} reports.
   */
  readonly storedAtMs?: number;
}

/** The limits of a log on the server. */
export interface LogBounds {
  /** The position of the oldest commit that the log holds. It is above {@link last} if the log is empty. */
  readonly first: number;
  /** The position of the newest commit, also if that was removed since; 0 for a new log. */
  readonly last: number;
  /** When the server has stored the oldest commit; absent if the log is empty. */
  readonly firstAtMs?: number;
  /** When the server has stored the newest commit, also if that was removed since; absent for a new log. */
  readonly lastAtMs?: number;
  /** The first position that the log could have: above 1 if the log was created again after a loss. */
  readonly begins: number;
  /**
   * Whether the log may be longer: it has several replicas, and a leader that was cut off from the others still answers
   * for some seconds. Default false.
   */
  readonly mayBeBehind?: boolean;
}

/**
 * A plugin's log of commits on the server. The folder host/nats implements it. Every method rejects with
 * `JP_STORE_UNAVAILABLE` if the server does not confirm the operation.
 */
export interface CommitLog {
  /** The size of the largest commit that the server takes, as UTF-8. */
  readonly maxCommitBytes: number;
  /**
   * Appends a commit and resolves with its position, `expected + 1`. If the log's last position is not `expected`, the call rejects
   * with {@link Conflict}. If the log is full, it rejects with `JP_STORE_FULL`, and for a commit that the server does not
   * take because of its size with `JP_STORE_VALUE_INVALID`. After `JP_STORE_UNAVAILABLE` the commit may be in the log,
   * or be appended later. Another call with the same text and the same `expected` cannot append it twice. After a
   * conflict in a cluster, {@link readAfter} may find nothing behind `expected` yet, and the same call may succeed later,
   * because a leader that dies may lose the commit that took the place.
   */
  append(text: string, expected: number): Promise<number>;
  /**
   * Reads commits in order, from the one behind `after`. Resolves with none if there is no later one. If the commits
   * behind `after` were removed, the first one has a later position.
   */
  readAfter(after: number): Promise<readonly LoggedCommit[]>;
  bounds(): Promise<LogBounds>;
  /** Finds the first commit that was stored at this time or later, in milliseconds since 1970; undefined for none. */
  firstSince(epochMs: number): Promise<number | undefined>;
  /**
   * Calls the listener for each commit that any host appends, soon after. It may leave out commits. The listeners must
   * not throw.
   * @param reconnected called when the server has returned, perhaps with another state than before
   */
  follow(listener: (commit: LoggedCommit) => void, reconnected?: () => void): () => void;
  /** Removes the commits up to this position. The end of the log stays where it is. */
  removeUpTo(position: number): Promise<void>;
}
