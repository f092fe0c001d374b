import type { RetryPolicy } from './handler';
import type { DeadLetterReason, Outcome } from './outcome';

/** What is to become of a message. */
export type Decision =
  | { readonly action: 'ack' }
  /** Acknowledged again: what it should cause was caused before. */
  | { readonly action: 'ack-again' }
  /** It comes again after the delay; `failures` is the count to record, absent where no attempt is charged. */
  | { readonly action: 'retry'; readonly delayMs: number; readonly error: Error; readonly failures?: number }
  | {
      readonly action: 'dead-letter';
      readonly reason: DeadLetterReason;
      readonly error: Error;
      readonly attempts: number;
    }
  /** Back to the stream at once, as if it had not come. */
  | { readonly action: 'release' };

const ACK: Decision = { action: 'ack' };
const ACK_AGAIN: Decision = { action: 'ack-again' };
const RELEASE: Decision = { action: 'release' };
const JITTER = 0.2;
const UNAVAILABLE_DELAY_MS = 1_000;

/**
 * Decides what becomes of a message: pure.
 * @param attempt which try this was, from 1
 * @param random a number in [0, 1), for the jitter
 */
export function decide(outcome: Outcome, attempt: number, retry: RetryPolicy, random: number): Decision {
  switch (outcome.kind) {
    case 'handled':
      return ACK;
    case 'settled-before':
      return ACK_AGAIN;
    case 'given-back':
      return RELEASE;
    case 'invalid':
      return { action: 'dead-letter', reason: outcome.reason, error: outcome.error, attempts: 0 };
    case 'rejected':
      return { action: 'dead-letter', reason: 'rejected', error: outcome.error, attempts: attempt };
    case 'postponed':
      return { action: 'retry', delayMs: outcome.delayMs, error: outcome.error };
    case 'unavailable':
      return { action: 'retry', delayMs: withJitter(UNAVAILABLE_DELAY_MS, random), error: outcome.error };
    case 'failed':
    case 'timed-out':
      return attempt >= retry.attempts
        ? { action: 'dead-letter', reason: exhausted(outcome.kind), error: outcome.error, attempts: attempt }
        : {
            action: 'retry',
            delayMs: withJitter(backoff(retry, attempt), random),
            error: outcome.error,
            failures: attempt,
          };
  }
}

function exhausted(kind: 'failed' | 'timed-out'): DeadLetterReason {
  return kind === 'timed-out' ? 'timeout' : 'attempts-exhausted';
}

function backoff({ backoffMs }: RetryPolicy, attempt: number): number {
  return backoffMs[Math.min(attempt, backoffMs.length) - 1] ?? 0;
}

/** Spreads retries out, so that what failed together does not come back together. */
function withJitter(ms: number, random: number): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * random));
}
