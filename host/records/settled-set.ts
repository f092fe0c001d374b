/**
 * The sequences of a stream that one handler has settled: all up to a floor, and ranges above it. Sequences of messages
 * that are not for the handler count as settled too, so that there are few ranges.
 */
export class SettledSet {
  /**
   * The ranges [from, to], both included: ascending, disjoint, not adjacent. The first range starts at 1 if there is a
   * floor.
   */
  private ranges: [number, number][];

  constructor(ranges: readonly (readonly [number, number])[] = []) {
    this.ranges = ranges.map(([from, to]) => [from, to]);
  }

  has(sequence: number): boolean {
    const at = this.indexOf(sequence);
    return at >= 0 && this.ranges[at]![1] >= sequence;
  }

  /** Adds all sequences from `from` to `to`, both included; none if `to` is below `from`. */
  add(from: number, to: number = from): void {
    if (to < from) return;
    // `first` is the first range that ends at or after `from - 1`; `end` is the first one after it that starts after `to + 1`.
    let first = this.indexOf(from - 1);
    if (first < 0 || this.ranges[first]![1] < from - 1) first++;
    let end = first;
    let [low, high] = [from, to];
    while (end < this.ranges.length && this.ranges[end]![0] <= to + 1) {
      low = Math.min(low, this.ranges[end]![0]);
      high = Math.max(high, this.ranges[end]![1]);
      end++;
    }
    this.ranges.splice(first, end - first, [low, high]);
  }

  /** Adds all sequences of the other set, in one pass: each set may have thousands of ranges. */
  merge(other: SettledSet): void {
    if (other.ranges.length === 0) return;
    // Sorting two ascending runs takes one pass.
    const all = [...this.ranges, ...other.ranges].sort(([a], [b]) => a - b);
    this.ranges = [];
    let last: [number, number] | undefined;
    for (const [from, to] of all) {
      if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
      else this.ranges.push((last = [from, to]));
    }
  }

  /** Removes the ranges that end at or before the sequence, and returns them. */
  takeUpTo(sequence: number): SettledSet {
    const next = this.ranges.findIndex(([, to]) => to > sequence);
    return new SettledSet(this.ranges.splice(0, next < 0 ? this.ranges.length : next));
  }

  clear(): void {
    this.ranges = [];
  }

  /** The floor: all sequences up to this one are settled; 0 if the first one is not. */
  get floor(): number {
    const [first] = this.ranges;
    return first?.[0] === 1 ? first[1] : 0;
  }

  /** The highest settled sequence; 0 if none is settled. */
  get last(): number {
    return this.ranges.at(-1)?.[1] ?? 0;
  }

  get size(): number {
    return this.ranges.length;
  }

  toJSON(): readonly (readonly [number, number])[] {
    return this.ranges;
  }

  /** Returns the index of the last range that starts at or before the sequence; -1 if there is none. */
  private indexOf(sequence: number): number {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ranges[middle]![0] <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
