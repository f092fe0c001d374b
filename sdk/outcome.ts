import { durationMs, type Duration } from './duration';

const REJECT = Symbol.for('jetplug.reject');
const RETRY_LATER = Symbol.for('jetplug.retry-later');

/**
 * Throw it from a handler when the event can never be handled: it is dead-lettered at once, with
 * this reason, and is not tried again.
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
 * Throw it from a handler when the event cannot be handled yet: it comes again after the delay, and
 * no attempt is charged.
 *
 * ```ts
 * if (!ready) throw new RetryLater('10m', 'the report is not out yet');
 * ```
 */
export class RetryLater extends Error {
  override readonly name: string = 'RetryLater';
  readonly [RETRY_LATER] = true;
  /** How long to wait, in milliseconds. */
  readonly delayMs: number;

  /** @throws JetplugError `JP_DURATION_INVALID` when the delay is not a duration */
  constructor(delay: Duration, why = 'not yet', options?: ErrorOptions) {
    super(why, options);
    this.delayMs = durationMs(delay, 'the delay of RetryLater');
  }
}

export function isReject(error: unknown): error is Reject {
  return typeof error === 'object' && error !== null && REJECT in error;
}

export function isRetryLater(error: unknown): error is RetryLater {
  return typeof error === 'object' && error !== null && RETRY_LATER in error;
}
