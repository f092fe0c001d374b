import type { HandlerCounters } from '../counters';

/** The bounds of a handler's prefetch, and its first value. */
export interface PrefetchBounds {
  readonly least: number;
  readonly first: number;
  readonly most: number;
}

/**
 * The time for which deliveries may wait. It is short, because they cannot go to other hosts and their ack wait must be
 * extended.
 */
const HORIZON_MS = 1_000;
/** The bound of the memory that payloads take. */
const MOST_BYTES = 16_000_000;

/**
 * The number of deliveries that wait in the host. It is the number that the handler processes in one second, one after
 * the other, so a fast handler never waits for the server, and a slow one buffers few deliveries.
 */
export class Prefetch {
  size: number;
  private readonly horizonMs: number;
  private runs: number;
  private durationSumS: number;
  private arrivals = 0;
  private bytes = 0;

  constructor(
    private bounds: PrefetchBounds,
    private readonly counters: Pick<HandlerCounters, 'runs' | 'durationSumS'>,
    ackWaitMs: number,
    /** The number of events in a run. */
    private readonly eventsPerRun = 1,
  ) {
    this.size = bounds.first;
    // While a handler blocks the event loop, no ack wait is extended.
    this.horizonMs = Math.min(HORIZON_MS, ackWaitMs / 4);
    ({ runs: this.runs, durationSumS: this.durationSumS } = counters);
  }

  /** Replaces the bounds. */
  bound(bounds: PrefetchBounds): void {
    this.bounds = bounds;
    this.size = this.within(this.size);
  }

  arrived(bytes: number): void {
    this.arrivals++;
    this.bytes += bytes;
  }

  /**
   * Adapts the size to the calls since the last adaptation.
   * @param oldestMs for how long the oldest run has run; 0 without one
   */
  adapt(oldestMs: number): void {
    const { runs, durationSumS } = this.counters;
    const ended = runs - this.runs;
    if (ended === 0 && oldestMs === 0 && this.arrivals === 0) return;
    const tookMs = ended > 0 ? ((durationSumS - this.durationSumS) * 1_000) / ended : oldestMs;
    const inReach = (this.horizonMs / tookMs) * this.eventsPerRun;
    this.runs = runs;
    this.durationSumS = durationSumS;
    // A run in progress gives a lower bound of its duration.
    const most = ended > 0 ? this.bounds.most : this.size;
    this.size = this.within(Math.min(most, inReach, this.fitting()));
  }

  /** Returns how many deliveries fit into the memory bound, at the average size since the last adaptation. */
  private fitting(): number {
    const fitting = this.bytes === 0 ? Infinity : (MOST_BYTES * this.arrivals) / this.bytes;
    this.arrivals = 0;
    this.bytes = 0;
    return fitting;
  }

  private within(size: number): number {
    const { least, most } = this.bounds;
    return Math.round(Math.max(least, Math.min(most, size)));
  }
}
