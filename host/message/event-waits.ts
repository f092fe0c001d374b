import type { Time } from '../base/time';
import { Histogram } from './histogram';

/** Upper bounds in seconds. Waits last from milliseconds to the days of an outage. */
const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400] as const;

/** How often the two clocks are compared. To read them for each event would cost about 1 % of an event. */
const COMPARE_EVERY_MS = 1_000;

/** How long events waited from their storing to the start of their first run. */
export class EventWaits extends Histogram {
  /** The time since 1970 at the zero of the monotonic clock. */
  private zeroAtMs = 0;
  private comparedAtMs = -Infinity;

  constructor() {
    super(BOUNDS_S);
  }

  /**
   * @param storedAtMs when the stream stored the event, in milliseconds since 1970
   * @param startedAtMs when its run started, by the monotonic clock
   */
  started(storedAtMs: number, startedAtMs: number, time: Time): void {
    if (startedAtMs - this.comparedAtMs >= COMPARE_EVERY_MS) {
      this.zeroAtMs = time.epochMs() - time.nowMs();
      this.comparedAtMs = startedAtMs;
    }
    // The clocks of two machines differ.
    this.observe(Math.max(0, this.zeroAtMs + startedAtMs - storedAtMs) / 1_000);
  }
}
