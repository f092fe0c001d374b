/** Why a message was dead-lettered; the value of the header `x-dead-letter-reason`. */
export type DeadLetterReason =
  | 'invalid-json'
  | 'invalid-envelope'
  | 'schema'
  | 'too-large'
  | 'too-deep'
  | 'too-many-hops'
  | 'inexact-number'
  | 'rejected'
  | 'attempts-exhausted'
  | 'timeout'
  | 'crashed-host';

/** A message that was found invalid before its handler was called, so it can never be handled. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly reason: DeadLetterReason;
  readonly error: Error;
  /** The issues of the fields. Set if the schema has found any. */
  readonly issues?: readonly FieldIssue[];
}

/** A field of an event that does not fit its contract. */
export interface FieldIssue {
  /** The path of the field with dots, with `*` for the index in a list; empty for the event itself. */
  readonly field: string;
  readonly message: string;
}

/** The result of one attempt to handle a message. */
export type Outcome =
  | { readonly kind: 'handled' }
  /** The handler threw or rejected. */
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'timed-out'; readonly error: Error }
  /** The handler threw `Reject`. */
  | { readonly kind: 'rejected'; readonly error: Error }
  /** The handler threw `RetryLater`. */
  | { readonly kind: 'postponed'; readonly delayMs: number; readonly error: Error }
  /** The broker failed on a call of the handler's store or on a published event. The event is not at fault. */
  | { readonly kind: 'unavailable'; readonly error: Error }
  /** The plugin's own process ended while it handled the event. */
  | { readonly kind: 'died'; readonly error: Error }
  /** The event was settled before, by another host or before a crash. */
  | { readonly kind: 'settled-before' }
  /** Processes died while they ran the event, the last ones while the event ran alone. */
  | { readonly kind: 'crashed'; readonly error: Error }
  /** An earlier process decided to dead-letter the event, and ended before it stored the letter. */
  | {
      readonly kind: 'buried-before';
      readonly reason: DeadLetterReason;
      readonly error: Error;
      readonly attempts: number;
    }
  /** A value that the run has read has changed before the run was committed, so the run starts again. */
  | { readonly kind: 'conflict' }
  /** The host stopped before the handler was called or before it returned. */
  | { readonly kind: 'released' }
  | Invalid;

export const RELEASED: Outcome = { kind: 'released' };
export const SETTLED_BEFORE: Outcome = { kind: 'settled-before' };
export const CONFLICT: Outcome = { kind: 'conflict' };

/** Thrown through a handler by the host's own code, which knows the outcome. It is not an error of the plugin. */
export class OutcomeKnown extends Error {
  override readonly name = 'OutcomeKnown';

  constructor(readonly outcome: Outcome) {
    super(outcome.kind);
  }
}

export function invalid(reason: DeadLetterReason, message: string, cause?: unknown): Invalid {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  error.name = 'InvalidEvent';
  return { kind: 'invalid', reason, error };
}
