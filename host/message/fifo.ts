const COMPACT_AFTER = 1_024;

/** First in, first out, at the same cost however many wait. */
export class Fifo<T> {
  private items: T[] = [];
  /** How many of them have been taken. */
  private taken = 0;

  get length(): number {
    return this.items.length - this.taken;
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    if (this.taken === this.items.length) return undefined;
    const item = this.items[this.taken]!;
    this.items[this.taken++] = undefined as T;
    if (this.taken === this.items.length || this.taken >= COMPACT_AFTER) this.items = this.clear();
    return item;
  }

  /** Takes all. */
  clear(): T[] {
    const left = this.items.slice(this.taken);
    this.items = [];
    this.taken = 0;
    return left;
  }
}
