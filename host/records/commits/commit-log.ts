/** A message of a commit log. */
export interface LoggedCommit {
  /** The message's sequence in the log. Each commit has the position that follows the one before. */
  readonly position: number;
  readonly text: string;
}

/** The limits of a log on the server. */
export interface LogBounds {
  /** The position of the oldest commit that the log holds. It is above {@link last} if the log is empty. */
  readonly first: number;
  /** The position of the newest commit, also if that was removed since; 0 for a new log. */
  readonly last: number;
}

/**
 * A plugin's log of commits on the server. The folder host/nats implements it. Every method rejects with
 * `JP_STORE_UNAVAILABLE` if the server does not confirm the operation.
 */
export interface CommitLog {
  /**
   * Appends a commit and resolves with its position. If the log's last position is not `expected`, the call rejects
   * with {@link Conflict}. If the log is full, it rejects with `JP_STORE_FULL`.
   */
  append(text: string, expected: number): Promise<number>;
  /** Reads commits in order, from the one behind `after`. Resolves with none if there is no later one. */
  readAfter(after: number): Promise<readonly LoggedCommit[]>;
  bounds(): Promise<LogBounds>;
  /** Calls the listener for each commit that any host appends, soon after. It may leave out commits. */
  follow(listener: (commit: LoggedCommit) => void): () => void;
  /** Removes the commits up to this position. */
  removeUpTo(position: number): Promise<void>;
}
