import { attemptAfter, type Failures } from './failures/failures';
import type { CircuitBreaker } from './failures/circuit-breaker';
import type { RetryPolicy } from './handler';
import type { DeadLetterReason, Outcome } from './outcome';

/** How a message is settled. */
export type Decision =
  | { readonly action: 'ack' }
  /** The message was settled before, so it is acknowledged again. */
  | { readonly action: 'ack-again' }
  /**
   * The message is retried after the delay. `attempt` is the number of the failed attempt; absent if the failure does
   * not count.
   */
  | {
      readonly action: 'retry';
      readonly delayMs: number;
      readonly error: Error;
      readonly attempt?: number;
      /** Whether the message must stay in its stream, because the log names what is committed by its sequence there. */
      readonly stays?: boolean;
      /** Whether the failed attempt was one of after-commit work. */
      readonly ofWork?: boolean;
    }
  /** The handler is down, so the message waits in its stream and the failure does not count. */
  | { readonly action: 'wait'; readonly delayMs: number; readonly error: Error }
  | {
      readonly action: 'dead-letter';
      readonly reason: DeadLetterReason;
      readonly error: Error;
      readonly attempts: number;
    }
  /** The event is settled, and its after-commit work is not tried again. */
  | { readonly action: 'give-up'; readonly error: Error; readonly attempts: number }
  /** The run starts again in this host. */
  | { readonly action: 'run-again' }
  /** The message is nacked without a delay, and no failure counts. */
  | { readonly action: 'release' }
  /** The message is nacked, and the death of the plugin's process that ran it is recorded. */
  | { readonly action: 'suspect'; readonly error: Error };

const ACK: Decision = { action: 'ack' };
const ACK_AGAIN: Decision = { action: 'ack-again' };
const RELEASE: Decision = { action: 'release' };
const RUN_AGAIN: Decision = { action: 'run-again' };
const JITTER = 0.2;
const UNAVAILABLE_DELAY_MS = 1_000;

/**
 * Decides how a message is settled. A pure function.
 * @param before how often the message failed before this attempt
 * @param circuit shows whether the handler is down, or may be
 * @param random a number in [0, 1), for the jitter
 */
export function decide(
  outcome: Outcome,
  before: Failures,
  retry: RetryPolicy,
  circuit: Pick<CircuitBreaker, 'isOpen' | 'isSuspicious' | 'probeDelayMs'>,
  random: number,
): Decision {
  const attempt = attemptAfter(before);
  switch (outcome.kind) {
    case 'handled':
      return ACK;
    case 'settled-before':
      return ACK_AGAIN;
    case 'conflict':
      return RUN_AGAIN;
    case 'released':
      return RELEASE;
    case 'died':
      return { action: 'suspect', error: outcome.error };
    case 'invalid':
      return { action: 'dead-letter', reason: outcome.reason, error: outcome.error, attempts: 0 };
    case 'rejected':
      return { action: 'dead-letter', reason: 'rejected', error: outcome.error, attempts: attempt };
    case 'crashed':
      return { action: 'dead-letter', reason: 'crashed-host', error: outcome.error, attempts: attempt - 1 };
    case 'buried-before': {
      const { reason, error, attempts } = outcome;
      return { action: 'dead-letter', reason, error, attempts };
    }
    case 'postponed':
      return { action: 'retry', delayMs: outcome.delayMs, error: outcome.error };
    case 'unavailable':
      return { action: 'retry', delayMs: withJitter(UNAVAILABLE_DELAY_MS, random), error: outcome.error };
    case 'failed':
    case 'timed-out':
      // The message is delayed beyond the next probe, so that each probe takes another message.
      if (circuit.isOpen) return { action: 'wait', delayMs: 2 * circuit.probeDelayMs, error: outcome.error };
      return attempt >= retry.attempts && !circuit.isSuspicious
        ? { action: 'dead-letter', reason: exhausted(outcome.kind), error: outcome.error, attempts: attempt }
        : {
            action: 'retry',
            delayMs: withJitter(backoff(retry, attempt), random),
            error: outcome.error,
            attempt,
          };
  }
}

/**
 * Adapts the decision for a message of which a part is committed: it stays in its stream. If all of it is committed, and
 * only its after-commit work has failed, it becomes no dead letter, because a redrive would apply its changes again.
 */
export function decideCommitted(decision: Decision, owesWork: boolean): Decision {
  if (decision.action === 'retry') return { ...decision, stays: true, ofWork: owesWork };
  if (decision.action !== 'dead-letter' || !owesWork) return decision;
  return { action: 'give-up', error: decision.error, attempts: decision.attempts };
}

function exhausted(kind: 'failed' | 'timed-out'): DeadLetterReason {
  return kind === 'timed-out' ? 'timeout' : 'attempts-exhausted';
}

function backoff({ backoffMs }: RetryPolicy, attempt: number): number {
  return backoffMs[Math.min(attempt, backoffMs.length) - 1] ?? 0;
}

/** Varies a delay at random, so that events that failed together are not retried together. */
function withJitter(ms: number, random: number): number {
  return Math.round(ms * (1 - JITTER + 2 * JITTER * random));
}
