/** How a run has ended. */
export type RunOutcome =
  | 'handled'
  | 'failed'
  | 'timed-out'
  | 'rejected'
  | 'postponed'
  | 'unavailable'
  | 'died'
  | 'crashed'
  | 'invalid'
  | 'interrupted'
  | 'given-up';

/** The fate of the event after the run. */
export type RunVerdict = 'settled' | 'retried' | 'waits' | 'dead-lettered' | 'released';

/** A line that the plugin has logged in the run. */
export interface RunLine {
  readonly level: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** One run of a handler, as it is recorded for traces and shown live. */
export interface RunRecord {
  readonly plugin: string;
  readonly handler: string;
  readonly version: string;
  /** The stream that the event was published to, with its sequence there and the time at which the stream stored it. */
  readonly stream: string;
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly subject: string;
  /** The event's id, the id of the event that led to it, and that of the first event of the tree. */
  readonly id: string;
  readonly cause?: string | undefined;
  readonly root: string;
  readonly attempt: number;
  /** When the handler was called, in milliseconds since 1970; when the message arrived if it was not called. */
  readonly startedAtMs: number;
  /** How long the handler ran, and how long it took until the event was settled. */
  readonly ranMs: number;
  readonly tookMs: number;
  readonly outcome: RunOutcome;
  readonly verdict: RunVerdict;
  /** After which time the event is tried again. */
  readonly delayMs?: number | undefined;
  /** Why the event is dead-lettered. */
  readonly reason?: string | undefined;
  readonly error?: RunError | undefined;
  /** The events that the run has published. */
  readonly emits?: readonly { readonly id: string; readonly subject: string }[] | undefined;
  /** The keys of the store that the run has changed. */
  readonly writes?: readonly string[] | undefined;
  readonly lines?: readonly RunLine[] | undefined;
  /** How many lines were left out. */
  readonly linesLeft?: number | undefined;
  /** Whether the tree is not recorded, and only this run is, because it has failed. */
  readonly isPartial?: boolean | undefined;
}

export interface RunError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
}
