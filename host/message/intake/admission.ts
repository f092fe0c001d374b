import type { HandlerCounters } from '../counters';
import { Prefetch, type PrefetchBounds } from './prefetch';

export interface AdmissionOptions {
  readonly ackWaitMs: number;
  /** The bounds of the number of deliveries that wait in the host. */
  readonly prefetch: PrefetchBounds;
  /** The handler's counters, which show how fast it is. */
  readonly counters: Pick<HandlerCounters, 'runs' | 'durationSumS'>;
  /** The most deliveries in the host, including those that wait for an earlier event of their key. */
  readonly maxHeld: number;
}

/** Backpressure: how many deliveries a handler takes into the host, and how many of them may begin. */
export class Admission {
  private readonly prefetch: Prefetch;
  private quota = Infinity;

  /** @param batchSize how many events the handler takes at a time; absent where it takes one */
  constructor(
    private readonly options: AdmissionOptions,
    batchSize?: number,
  ) {
    this.prefetch = new Prefetch(options.prefetch, options.counters, options.ackWaitMs, batchSize);
  }

  /** The number of further deliveries that there is room for; may be negative. */
  room(queued: number, buffered: number): number {
    return Math.min(this.prefetch.size - queued, this.options.maxHeld - buffered);
  }

  /** Whether deliveries that wait for an earlier event of their key take up all room. */
  isFull(buffered: number): boolean {
    return buffered >= this.options.maxHeld;
  }

  /** Whether another delivery may begin. */
  get isOpen(): boolean {
    return this.quota > 0;
  }

  /** Sets how many more deliveries may begin: none, one for a probe, or Infinity. */
  allow(count: number): void {
    this.quota = count;
  }

  /** Called when a delivery begins: one fewer may begin. */
  take(): void {
    this.quota--;
  }

  arrived(bytes: number): void {
    this.prefetch.arrived(bytes);
  }

  rebound(prefetch: PrefetchBounds): void {
    this.prefetch.bound(prefetch);
  }

  /** Adapts the prefetch to the handler's recent speed. */
  adapt(oldestMs: number): void {
    this.prefetch.adapt(oldestMs);
  }
}
