import type { Time, Timer } from '../base/time';

interface Entry {
  atMs: number;
  readonly order: number;
  readonly act: () => void;
  readonly periodMs?: number;
}

/** A time that stands still until it is moved. When it moves past timers, it calls them in the order of their times. */
export class VirtualTime implements Time {
  private elapsedMs = 0;
  private made = 0;
  private readonly timers = new Set<Entry>();

  /** @param startMs milliseconds since 1970 */
  constructor(private readonly startMs: number) {}

  epochMs(): number {
    return this.startMs + this.elapsedMs;
  }

  nowMs(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, act: () => void): Timer {
    return this.add({ atMs: this.elapsedMs + Math.max(0, delayMs), order: this.made++, act });
  }

  soon(act: () => void): void {
    setImmediate(act);
  }

  every(periodMs: number, act: () => void): Timer {
    return this.add({ atMs: this.elapsedMs + periodMs, order: this.made++, act, periodMs });
  }

  /**
   * Moves the time to the next timer and calls that timer. If no timer is due until `untilMs`, moves to that time and
   * returns false.
   * @param untilMs may be Infinity
   * @param withPeriodic whether periodic timers count. Without events in flight they have nothing to do
   */
  step(untilMs: number, withPeriodic: boolean): boolean {
    const next = this.next(withPeriodic);
    if (!next || next.atMs > untilMs) {
      if (Number.isFinite(untilMs)) this.pass(untilMs);
      return false;
    }
    this.pass(next.atMs);
    if (next.periodMs === undefined) this.timers.delete(next);
    else next.atMs += next.periodMs;
    next.act();
    return true;
  }

  private next(withPeriodic: boolean): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.timers) {
      if (entry.periodMs !== undefined && !withPeriodic) continue;
      if (!first || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order)) first = entry;
    }
    return first;
  }

  /** Moves the time to the given moment. A periodic timer that was skipped is due at that moment. */
  private pass(nowMs: number): void {
    this.elapsedMs = Math.max(this.elapsedMs, nowMs);
    for (const entry of this.timers) {
      if (entry.periodMs !== undefined && entry.atMs < this.elapsedMs) entry.atMs = this.elapsedMs;
    }
  }

  private add(entry: Entry): Timer {
    this.timers.add(entry);
    return { cancel: () => void this.timers.delete(entry) };
  }
}
