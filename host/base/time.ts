import type { Clock } from '../../sdk';

/** The clock and timers for deliveries. In the testing kit's implementation, the test moves the time. */
export interface Time {
  /** Returns the milliseconds since 1970. */
  epochMs(): number;
  /** Returns the milliseconds of a monotonic clock. */
  nowMs(): number;
  /** Calls `act` once, after the delay. */
  after(delayMs: number, act: () => void): Timer;
  /** Calls `act` once, when the present turn of the event loop has ended. */
  soon(act: () => void): void;
  /** Calls `act` once in each period, until the timer is cancelled. */
  every(periodMs: number, act: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/**
 * The longest delay of a Node.js timer; one with a longer delay would fire at once. So a longer delay ends early, after
 * 24 days, and callers must accept that.
 */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const machineTime: Time = {
  epochMs: () => Date.now(),
  nowMs: () => performance.now(),
  after: (delayMs, act) => {
    const timer = setTimeout(act, Math.min(delayMs, LONGEST_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (act) => void setImmediate(act),
  every: (periodMs, act) => {
    const timer = setInterval(act, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
};

/** The system's clock, for plugins. */
export const systemClock: Clock = { now: () => new Date() };
