const FIRST_SIZE = 16;

/**
 * A map by sequence, for entries that live only while a message is processed. A `Map` allocates a new table every few
 * removals, and the old table references the new one. So once one table is in the old generation of the heap, all later
 * tables and their entries get there too.
 *
 * This map is an open hash table with linear probing. Consecutive sequences lie side by side.
 */
export class SequenceMap<T> {
  private keys: number[] = new Array<number>(FIRST_SIZE).fill(0);
  private items: (T | undefined)[] = new Array<T | undefined>(FIRST_SIZE).fill(undefined);
  private count = 0;
  /** The number of entries that are not at their home. Consecutive sequences all are. */
  private displaced = 0;

  get size(): number {
    return this.count;
  }

  has(sequence: number): boolean {
    return this.get(sequence) !== undefined;
  }

  get(sequence: number): T | undefined {
    return this.items[this.placeOf(sequence)];
  }

  set(sequence: number, item: T): void {
    if (this.count >= this.items.length / 2) this.grow();
    const place = this.placeOf(sequence);
    if (this.items[place] === undefined) {
      this.count++;
      if (this.isDisplaced(sequence, place)) this.displaced++;
    }
    this.keys[place] = sequence;
    this.items[place] = item;
  }

  delete(sequence: number): void {
    const { items } = this;
    let free = this.placeOf(sequence);
    if (items[free] === undefined) return;
    this.count--;
    if (this.isDisplaced(sequence, free)) this.displaced--;
    // Entries that were displaced move back towards their home, so that no tombstone is needed. Without any, the search
    // would visit all consecutive sequences in vain.
    if (this.displaced > 0) free = this.moveBack(free);
    items[free] = undefined;
  }

  /** Fills a free place by entries that were displaced. Returns the place that is free then. */
  private moveBack(from: number): number {
    const { keys, items } = this;
    const mask = items.length - 1;
    let free = from;
    for (let at = (free + 1) & mask; items[at] !== undefined; at = (at + 1) & mask) {
      const home = keys[at]! & mask;
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      keys[free] = keys[at]!;
      items[free] = items[at];
      if (free === home) this.displaced--;
      free = at;
    }
    return free;
  }

  private isDisplaced(sequence: number, place: number): boolean {
    return place !== (sequence & (this.items.length - 1));
  }

  *values(): Generator<T> {
    for (const item of this.items) if (item !== undefined) yield item;
  }

  /** The index of a sequence's entry, or of the free place for it. */
  private placeOf(sequence: number): number {
    const { keys, items } = this;
    const mask = items.length - 1;
    let place = sequence & mask;
    while (items[place] !== undefined && keys[place] !== sequence) place = (place + 1) & mask;
    return place;
  }

  private grow(): void {
    const { keys, items } = this;
    this.keys = new Array<number>(2 * items.length).fill(0);
    this.items = new Array<T | undefined>(2 * items.length).fill(undefined);
    this.count = 0;
    this.displaced = 0;
    items.forEach((item, at) => {
      if (item !== undefined) this.set(keys[at]!, item);
    });
  }
}
