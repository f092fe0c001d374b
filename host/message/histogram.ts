/** Counts durations in buckets, for a histogram of the metrics. */
export class Histogram {
  /** The number of durations in each bucket; the last element counts longer ones. Not cumulative. */
  readonly counts: number[];
  sumS = 0;

  /** @param boundsS the upper bounds of the buckets, in seconds, in ascending order */
  constructor(readonly boundsS: readonly number[]) {
    this.counts = new Array<number>(boundsS.length + 1).fill(0);
  }

  /** How many durations were counted. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  observe(seconds: number): void {
    const { boundsS } = this;
    let bucket = 0;
    while (bucket < boundsS.length && seconds > boundsS[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sumS += seconds;
  }
}
