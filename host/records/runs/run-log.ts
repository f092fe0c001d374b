/** A message of the stream of run records. */
export interface StoredRuns {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** The stream of run records. It has a limited age and size; the server removes the oldest records. */
export interface RunLog {
  /** Stores records of one group. Rejects if the server does not take them now. */
  append(group: number, message: Uint8Array): Promise<void>;
}
