import { LogThrottle } from './log-throttle';
import { machineTime, type Time } from './time';

/** The time, in milliseconds, after which a failure that lasts is reported again. */
const REPORT_AGAIN_MS = 600_000;

export interface RetryOptions {
  /** The wait after a failed try, in milliseconds; a function gets the error and how many tries have failed, from 1. */
  readonly waitMs: number | ((error: unknown, failures: number) => number);
  /** Ends the retries when it is aborted, also during a wait. A try that has begun is finished. */
  readonly stop?: AbortSignal;
  /** Whether another try may succeed after the error; if not, the error is thrown. Default: every error is retried. */
  readonly mayPass?: (error: unknown) => boolean;
  /**
   * Reports a failed try. Failures with the same key are reported once, then again every `reportAgainMs` while they
   * last.
   */
  readonly failed?: (error: unknown) => void;
  /** Returns the key of an error; failures with equal keys count as the same failure. Default: the error as text. */
  readonly keyOf?: (error: unknown) => string;
  /** The time after which a failure that lasts is reported again. Default: 10 minutes. 0 reports every failure. */
  readonly reportAgainMs?: number;
  /** The clock and timers. Default: the machine's. */
  readonly time?: Time;
}

/**
 * Calls `work` until it succeeds, and waits between two tries.
 * @returns the result of `work`, or undefined when `stop` was aborted before a try succeeded
 * @throws an error for which `mayPass` answers false
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  {
    waitMs,
    stop,
    mayPass = () => true,
    failed,
    keyOf = String,
    reportAgainMs = REPORT_AGAIN_MS,
    time = machineTime,
  }: RetryOptions,
): Promise<T | undefined> {
  const throttle = new LogThrottle(reportAgainMs, () => time.nowMs());
  for (let failures = 1; !stop?.aborted; failures++) {
    try {
      return await work();
    } catch (error) {
      if (stop?.aborted) return undefined;
      if (!mayPass(error)) throw error;
      if (throttle.note(keyOf(error)) !== undefined) failed?.(error);
      await pause(typeof waitMs === 'number' ? waitMs : waitMs(error, failures), time, stop);
    }
  }
  return undefined;
}

/** Resolves after the delay, or as soon as `stop` is aborted. */
export function pause(delayMs: number, time: Time = machineTime, stop?: AbortSignal): Promise<void> {
  if (stop?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      stop?.removeEventListener('abort', end);
      resolve();
    };
    const timer = time.after(delayMs, end);
    stop?.addEventListener('abort', end);
  });
}

/** Resolves with whether the work ends within the limit, in milliseconds. The work continues all the same. */
export async function endsWithin(work: Promise<unknown>, limitMs: number, time: Time = machineTime): Promise<boolean> {
  const ended = new AbortController();
  const isOver = work.then(() => true);
  try {
    return await Promise.race([isOver, pause(limitMs, time, ended.signal).then(() => false)]);
  } finally {
    ended.abort();
  }
}
