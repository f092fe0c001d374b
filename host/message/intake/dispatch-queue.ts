import { machineTime, type Time, type Timer } from '../../base/time';
import type { BufferedDelivery } from './buffered-delivery';

/** The deliveries of one handler that wait in the host for a permit. */
export interface DispatchQueue {
  /** The number of deliveries that could run now. */
  readonly ready: number;
  push(buffered: BufferedDelivery): void;
  /** Takes out the next work, which is one delivery or those of a batch. */
  next(): BufferedDelivery | readonly BufferedDelivery[] | undefined;
  /** Called when a delivery has left the host. */
  left?(buffered: BufferedDelivery): void;
  /** Takes out all deliveries that wait, including those that wait for an earlier event of their key. */
  clear(): readonly BufferedDelivery[];
}

/** A queue in the order of arrival. */
export class ArrivalQueue implements DispatchQueue {
  private readonly waiting = new Fifo<BufferedDelivery>();

  get ready(): number {
    return this.waiting.length;
  }

  push(buffered: BufferedDelivery): void {
    this.waiting.push(buffered);
  }

  next(): BufferedDelivery | undefined {
    return this.waiting.shift();
  }

  clear(): readonly BufferedDelivery[] {
    return this.waiting.clear();
  }
}

/**
 * A queue that runs one delivery of each key at a time, in stream order. Keys take turns in the order in which they
 * became ready.
 */
export class KeyedQueue implements DispatchQueue {
  /** The deliveries behind the first of their key, which is ready, running or waiting for its retry. */
  private readonly behind = new Map<string, BufferedDelivery[]>();
  private readonly heads = new Fifo<BufferedDelivery>();

  get ready(): number {
    return this.heads.length;
  }

  push(buffered: BufferedDelivery): void {
    const { key } = buffered;
    // A delivery that is due for its retry is still the first of its key.
    if (key === undefined || buffered.isFirst) return this.heads.push(buffered);
    const others = this.behind.get(key);
    if (others) return insert(others, buffered);
    this.behind.set(key, []);
    buffered.isFirst = true;
    this.heads.push(buffered);
  }

  next(): BufferedDelivery | undefined {
    return this.heads.shift();
  }

  left(buffered: BufferedDelivery): void {
    const { key, isFirst } = buffered;
    // A delivery that was dropped has no place in the queue.
    if (key === undefined || !isFirst) return;
    const others = this.behind.get(key);
    const next = others?.shift();
    if (!next) return void this.behind.delete(key);
    next.isFirst = true;
    this.heads.push(next);
  }

  clear(): readonly BufferedDelivery[] {
    const heads = this.heads.clear();
    const behind = [...this.behind.values()].flatMap((others) => others.splice(0));
    // One that runs stays the first of its key, so that no later one overtakes it.
    for (const { key, isFirst } of heads) if (key !== undefined && isFirst) this.behind.delete(key);
    return [...heads, ...behind];
  }
}

/** A queue that gathers deliveries until there are enough for a batch, or the first of them has waited long enough. */
export class BatchQueue implements DispatchQueue {
  private readonly waiting: BufferedDelivery[] = [];
  private timer: Timer | undefined;
  /** Whether the first delivery has waited long enough. The clock is not asked twice, because time passes in between. */
  private isDue = false;

  /** @param due called when a batch that is not full may run */
  constructor(
    private readonly batch: { readonly size: number; readonly waitMs: number },
    private readonly due: () => void,
    private readonly time: Time = machineTime,
  ) {}

  get ready(): number {
    return this.waiting.length;
  }

  push(buffered: BufferedDelivery): void {
    this.waiting.push(buffered);
    this.watch();
  }

  next(): readonly BufferedDelivery[] | undefined {
    const [first] = this.waiting;
    if (!first || (this.waiting.length < this.batch.size && !this.isDue && this.leftMs(first) > 0)) return undefined;
    const { settlements } = first.handler;
    // Deliveries of the stream and of the retry queue are settled in different records, so they cannot share a batch.
    const end = this.waiting.slice(0, this.batch.size).findIndex(({ handler }) => handler.settlements !== settlements);
    const together = this.waiting.splice(0, end < 0 ? this.batch.size : end);
    this.stopWaiting();
    this.watch();
    return together;
  }

  clear(): readonly BufferedDelivery[] {
    this.stopWaiting();
    return this.waiting.splice(0);
  }

  /** How much longer the first delivery may wait. */
  private leftMs({ arrivedAtMs }: BufferedDelivery): number {
    return arrivedAtMs + this.batch.waitMs - this.time.nowMs();
  }

  private watch(): void {
    const [first] = this.waiting;
    if (this.timer || this.isDue || !first) return;
    this.timer = this.time.after(Math.max(0, this.leftMs(first)), () => {
      this.timer = undefined;
      // If no permit is free now, the batch starts when one is freed.
      this.isDue = true;
      this.due();
    });
  }

  private stopWaiting(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.isDue = false;
  }
}

/**
 * Inserts a delivery before those of its stream with a higher sequence. Only a redelivery can arrive after one of
 * these.
 */
function insert(others: BufferedDelivery[], buffered: BufferedDelivery): void {
  const { handler, delivery } = buffered;
  const comesBefore = (other: BufferedDelivery): boolean =>
    other.handler.settlements === handler.settlements && delivery.sequence < other.delivery.sequence;
  let at = others.length;
  while (at > 0 && comesBefore(others[at - 1]!)) at--;
  others.splice(at, 0, buffered);
}

const COMPACT_AFTER = 1_024;

/** A first-in, first-out queue whose `push` and `shift` take constant time on average. */
export class Fifo<T> {
  private items: T[] = [];
  /** How many items at the head were taken. */
  private taken = 0;

  get length(): number {
    return this.items.length - this.taken;
  }

  /** Returns the item at the index, from 0 for the one that is taken next. */
  at(index: number): T | undefined {
    return this.items[this.taken + index];
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

  /** Takes out all items. */
  clear(): T[] {
    const left = this.items.slice(this.taken);
    this.items = [];
    this.taken = 0;
    return left;
  }
}
