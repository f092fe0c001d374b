/** How many events may begin in a length of time. */
export interface RatePolicy {
  readonly events: number;
  readonly perMs: number;
}

/**
 * A sliding window over the begins of events: in each span of `perMs`, its end excluded, at most `events` begin. It keeps
 * the time of each of the last `events` begins, because counts for shorter spans would allow more or fewer at their edges.
 */
export class RateLimit {
  /** The times of the last begins: a ring, whose oldest time is at `next`. */
  private readonly begins: Float64Array;
  private next = 0;

  constructor(readonly policy: RatePolicy) {
    this.begins = new Float64Array(policy.events).fill(-Infinity);
  }

  /** Returns after how many milliseconds so many events may begin at a time; 0 or less if they may begin now. */
  waitMs(count: number, nowMs: number): number {
    const { events, perMs } = this.policy;
    return this.begins[(this.next + count - 1) % events]! + perMs - nowMs;
  }

  /** Counts events that begin. */
  take(count: number, nowMs: number): void {
    for (let n = 0; n < count; n++) {
      this.begins[this.next] = nowMs;
      this.next = (this.next + 1) % this.policy.events;
    }
  }

  /** Makes the window full, as if all of its events had begun now. */
  fill(nowMs: number): void {
    this.begins.fill(nowMs);
  }
}
