import type { RatePolicy } from '../handler';
import { Fifo } from './dispatch-queue';

/**
 * A sliding window over the calls of a handler: in each span of `perMs`, its end excluded, at most `events` are called. It
 * keeps the time of each call in the last span, because counts for shorter spans would allow more or fewer at their edges.
 * An event takes its place in the window before its call, while the host reads what it needs, and leaves it one span
 * after the call.
 */
export class RateLimit {
  private readonly calls = new Fifo<number>();
  private coming = 0;

  constructor(readonly policy: RatePolicy) {}

  /**
   * Returns after how many milliseconds there are places for so many events; 0 if there are now, and Infinity if that
   * depends on events that have a place and are not called yet.
   */
  waitMs(count: number, nowMs: number): number {
    const { events, perMs } = this.policy;
    while (this.calls.length > 0 && this.calls.at(0)! + perMs <= nowMs) this.calls.shift();
    const missing = this.calls.length + this.coming + count - events;
    if (missing <= 0) return 0;
    const last = this.calls.at(missing - 1);
    return last === undefined ? Infinity : last + perMs - nowMs;
  }

  /** Takes places for events that are called soon. */
  take(count: number): void {
    this.coming += count;
  }

  /** Notes that an event with a place is called. */
  called(nowMs: number): void {
    this.coming--;
    this.calls.push(nowMs);
  }

  /** Frees the place of an event that is not called. */
  release(): void {
    this.coming--;
  }

  /** Makes the window full, as if all of its events had been called now. */
  fill(nowMs: number): void {
    this.calls.clear();
    for (let n = 0; n < this.policy.events; n++) this.calls.push(nowMs);
  }
}
