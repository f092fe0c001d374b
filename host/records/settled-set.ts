/**
 * Which messages of a stream one handler has settled: all up to a floor, and ranges above it. It only
 * grows. Sequences that the durable does not deliver count as settled once it is known that they are
 * none of its own, so that the ranges stay few.
 */
export class SettledSet {
  /** Ascending, disjoint, not touching: [from, to], both included. The first one starts at 1 where there is a floor. */
  private ranges: [number, number][];

  constructor(ranges: readonly (readonly [number, number])[] = []) {
    this.ranges = ranges.map(([from, to]) => [from, to]);
  }

  has(sequence: number): boolean {
    const at = this.indexOf(sequence);
    return at >= 0 && this.ranges[at]![1] >= sequence;
  }

  /** Adds all from one sequence to another, both included; nothing where there are none between. */
  add(from: number, to: number = from): void {
    if (to < from) return;
    // The first range that touches or follows, and the first beyond what touches.
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

  /** Adds all that the other has, in one pass: each of two sets may have thousands of ranges. */
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

  /** Up to here everything is settled. */
  get floor(): number {
    const [first] = this.ranges;
    return first?.[0] === 1 ? first[1] : 0;
  }

  /** The highest that is settled; 0 where none is. */
  get last(): number {
    return this.ranges.at(-1)?.[1] ?? 0;
  }

  get size(): number {
    return this.ranges.length;
  }

  toJSON(): readonly (readonly [number, number])[] {
    return this.ranges;
  }

  /** The last range that starts at or before the sequence; -1 where there is none. */
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
