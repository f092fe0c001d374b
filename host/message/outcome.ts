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

/** A message that can never be handled, found so before its handler saw it. */
export interface Invalid {
  readonly kind: 'invalid';
  readonly reason: DeadLetterReason;
  readonly error: Error;
}

/** How a message's way through its handler ended. */
export type Outcome =
  | { readonly kind: 'handled' }
  /** The handler threw or rejected. */
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'timed-out'; readonly error: Error }
  /** The handler threw `Reject`. */
  | { readonly kind: 'rejected'; readonly error: Error }
  /** The handler threw `RetryLater`. */
  | { readonly kind: 'postponed'; readonly delayMs: number; readonly error: Error }
  /** The broker failed the handler: its store, or what it published. No fault of the event's. */
  | { readonly kind: 'unavailable'; readonly error: Error }
  /** The process that the handler runs in ended under it; the host lives. */
  | { readonly kind: 'died'; readonly error: Error }
  /** The event turned out to be settled before: by another host, or before a crash. */
  | { readonly kind: 'settled-before' }
  /** Processes died while they were at it, again and again, and the last one was at nothing else. */
  | { readonly kind: 'crashed'; readonly error: Error }
  /** It was to be dead-lettered before, and its process did not live to see that done. */
  | {
      readonly kind: 'buried-before';
      readonly reason: DeadLetterReason;
      readonly error: Error;
      readonly attempts: number;
    }
  /** The host stopped before the handler did. */
  | { readonly kind: 'given-back' }
  | Invalid;

/** Thrown to a message's life by who knows the outcome already: no error of the author's. */
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
