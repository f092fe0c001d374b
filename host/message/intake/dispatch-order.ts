import type { Time } from '../../base/time';
import type { Handler } from '../handler';
import { bySequence, type BufferedDelivery } from './buffered-delivery';
import { ArrivalQueue, BatchQueue, KeyedQueue, type DispatchQueue } from './dispatch-queue';

/**
 * The order in which deliveries begin, which is the order of their queue. While older deliveries may still arrive, new
 * arrivals are collected, and are sorted before they join the queue.
 */
export class DispatchOrder {
  private readonly queue: DispatchQueue;
  private collected: BufferedDelivery[] | undefined;

  /** @param due called when a batch that is not full may run */
  constructor({ key, batch }: Pick<Handler, 'key' | 'batch'>, due: () => void, time: Time) {
    if (key !== undefined) this.queue = new KeyedQueue();
    else this.queue = batch ? new BatchQueue(batch, due, time) : new ArrivalQueue();
  }

  /** How many deliveries could run now. */
  get ready(): number {
    return this.queue.ready;
  }

  /** Whether a delivery that arrives now could run at once, because no earlier delivery waits. */
  get isClear(): boolean {
    return this.queue.ready === 0 && this.collected === undefined;
  }

  arrived(buffered: BufferedDelivery): void {
    if (this.collected) this.collected.push(buffered);
    else this.queue.push(buffered);
  }

  /** Queues a delivery that is due for its retry. */
  again(buffered: BufferedDelivery): void {
    this.queue.push(buffered);
  }

  next(): BufferedDelivery | readonly BufferedDelivery[] | undefined {
    return this.queue.next();
  }

  /** Lets the next delivery of the key run, after this delivery has left the host. */
  left(buffered: BufferedDelivery): void {
    this.queue.left?.(buffered);
  }

  /** Collects arrivals until {@link sortCollected} is called. */
  collect(): void {
    this.collected ??= [];
  }

  sortCollected(): void {
    const collected = this.collected ?? [];
    this.collected = undefined;
    for (const buffered of collected.sort(bySequence)) this.queue.push(buffered);
  }

  /** Takes out all deliveries that have not begun. */
  clear(): readonly BufferedDelivery[] {
    return [...this.queue.clear(), ...(this.collected?.splice(0) ?? [])];
  }
}
