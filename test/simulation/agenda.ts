/** Something that is due at a time. */
export interface Item {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
  isCancelled: boolean;
}

/** The one queue of everything that will happen, in the order of its virtual time. The time moves with the queue. */
export class Agenda {
  nowMs = 0;
  /** How many items were run. */
  steps = 0;
  private made = 0;
  private readonly heap: Item[] = [];

  after(delayMs: number, act: () => void): Item {
    return this.at(this.nowMs + Math.max(0, delayMs), act);
  }

  /** Plans something. Of two items with the same time, the one that is planned first comes first. */
  at(atMs: number, act: () => void): Item {
    const item: Item = { atMs, order: this.made++, act, isCancelled: false };
    this.push(item);
    return item;
  }

  /** Runs the next item. Returns false if there is none. */
  step(): boolean {
    for (let item = this.pop(); item; item = this.pop()) {
      if (item.isCancelled) continue;
      this.nowMs = item.atMs;
      this.steps++;
      item.act();
      return true;
    }
    return false;
  }

  private push(item: Item): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  private pop(): Item | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
