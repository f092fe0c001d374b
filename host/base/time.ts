import type { Clock } from '../../sdk';
/** The time that deliveries are measured and timed by. The testing kit has one of its own, which a test moves. */
export interface Time {
  /** Milliseconds since 1970. */
  epochMs(): number;
  /** Milliseconds of a clock that only goes forward. */
  nowMs(): number;
  /** Acts once, after the delay. */
  after(delayMs: number, act: () => void): Timer;
  /** Acts again and again, until cancelled. */
  every(periodMs: number, act: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** A timer for longer than this would end at once. What is postponed for longer is asked again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const machineTime: Time = {
  epochMs: () => Date.now(),
  nowMs: () => performance.now(),
  after: (delayMs, act) => {
    const timer = setTimeout(act, Math.min(delayMs, LONGEST_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  every: (periodMs, act) => {
    const timer = setInterval(act, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
};

/** The machine's time. */
export const systemClock: Clock = { now: () => new Date() };
