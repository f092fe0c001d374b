import type { HandlerCounters } from '../counters';

/** Between what a handler's prefetch lies, and where it begins. */
export interface PrefetchBounds {
  readonly least: number;
  readonly first: number;
  readonly most: number;
}

/** What waits here is out of reach of other hosts, and the server wants to hear of it. */
const HORIZON_MS = 1_000;
/** Large payloads are not to fill the memory. */
const MOST_BYTES = 16_000_000;

/**
 * How many deliveries wait in the host, so that the next is at hand: as many as the handler would take a second
 * for one after the other. So a quick handler never waits for the server, and a slow one holds little.
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
    /** How many events a run takes. */
    private readonly eventsPerRun = 1,
  ) {
    this.size = bounds.first;
    // Nobody prolongs what a handler that blocks the host has not let in yet.
    this.horizonMs = Math.min(HORIZON_MS, ackWaitMs / 4);
    ({ runs: this.runs, durationSumS: this.durationSumS } = counters);
  }

  /** Other bounds, from here on. */
  bound(bounds: PrefetchBounds): void {
    this.bounds = bounds;
    this.size = this.within(this.size);
  }

  arrived(bytes: number): void {
    this.arrivals++;
    this.bytes += bytes;
  }

  /**
   * Goes by what was handled since the last time.
   * @param oldestMs how long the oldest run has taken by now; 0 where none is under way
   */
  adapt(oldestMs: number): void {
    const { runs, durationSumS } = this.counters;
    const ended = runs - this.runs;
    if (ended === 0 && oldestMs === 0 && this.arrivals === 0) return;
    const tookMs = ended > 0 ? ((durationSumS - this.durationSumS) * 1_000) / ended : oldestMs;
    const inReach = (this.horizonMs / tookMs) * this.eventsPerRun;
    this.runs = runs;
    this.durationSumS = durationSumS;
    // What is under way says only that it takes at least so long.
    const most = ended > 0 ? this.bounds.most : this.size;
    this.size = this.within(Math.min(most, inReach, this.fitting()));
  }

  /** How many of the size of those that came since the last time fit into the memory that they may take. */
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
