import { durationMs, type Duration } from './duration';
import { hasMark } from './mark';

const REJECT = Symbol.for('jetplug.reject');
const RETRY_LATER = Symbol.for('jetplug.retry-later');
const BATCH_FAILURE = Symbol.for('jetplug.batch-failure');

/**
 * Throw this error from a handler if the event can never be handled. The event is dead-lettered at once with this
 * reason, and is not retried.
 *
 * ```ts
 * if (event.amount < 0) throw new Reject('a negative amount');
 * ```
 */
export class Reject extends Error {
  override readonly name: string = 'Reject';
  readonly [REJECT] = true;

  constructor(why: string, options?: ErrorOptions) {
    super(why, options);
  }
}

/**
 * Throw this error from a handler if the event cannot be handled yet. The event is redelivered after the delay, and no
 * attempt is counted.
 *
 * ```ts
 * if (!ready) throw new RetryLater('10m', 'the report is not out yet');
 * ```
 */
export class RetryLater extends Error {
  override readonly name: string = 'RetryLater';
  readonly [RETRY_LATER] = true;
  /** The delay in milliseconds. */
  readonly delayMs: number;

  /** @throws JetplugError `JP_DURATION_INVALID` if the delay is not a duration */
  constructor(delay: Duration, why = 'not yet', options?: ErrorOptions) {
    super(why, options);
    this.delayMs = durationMs(delay, 'the delay of RetryLater');
  }
}

/** One event of a batch that failed. */
export interface FailedEvent {
  /** The event's index in the array that the handler got, from 0. */
  readonly index: number;
  /** Any error. `Reject` and `RetryLater` have the same effect as if a handler of single events throws them. */
  readonly error: unknown;
}

/**
 * Throw this error from a handler of batches if only some events failed. The failed events are retried, each with its
 * own attempts; the others count as handled. Any other error fails all events of the batch, and each of them is then
 * retried alone.
 *
 * ```ts
 * throw new BatchFailure([{ index: 2, error: new Reject('a negative amount') }]);
 * ```
 */
export class BatchFailure extends Error {
  override readonly name: string = 'BatchFailure';
  readonly [BATCH_FAILURE] = true;

  constructor(
    readonly failures: readonly FailedEvent[],
    options?: ErrorOptions,
  ) {
    super(`${failures.length} events of the batch failed`, options);
  }
}

export function isBatchFailure(error: unknown): error is BatchFailure {
  return hasMark(error, BATCH_FAILURE);
}

export function isReject(error: unknown): error is Reject {
  return hasMark(error, REJECT);
}

export function isRetryLater(error: unknown): error is RetryLater {
  return hasMark(error, RETRY_LATER);
}
