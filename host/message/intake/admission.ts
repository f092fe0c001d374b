import type { HandlerCounters } from '../counters';
import { Prefetch, type PrefetchBounds } from './prefetch';

export interface AdmissionOptions {
  readonly ackWaitMs: number;
  /** The bounds of the number of deliveries that wait in the host. */
  readonly prefetch: PrefetchBounds;
  /** The handler's counters, which show how fast it is. */
  readonly counters: Pick<HandlerCounters, 'runs' | 'durationSumS'>;
  /** The maximum number of deliveries in the host, including those that wait for an earlier event of their key. */
  readonly maxBuffered: number;
}

/** The backpressure of a handler. Limits how many deliveries the host takes in and how many of them may begin. */
export class Admission {
  private readonly prefetch: Prefetch;
  private quota = Infinity;

  /** @param batchSize how many events the handler takes at a time; absent if it takes one */
  constructor(
    private readonly options: AdmissionOptions,
    batchSize?: number,
  ) {
    this.prefetch = new Prefetch(options.prefetch, options.counters, options.ackWaitMs, batchSize);
  }

  /** Returns the number of further deliveries that the host may take for the handler; may be negative. */
  capacity(queued: number, buffered: number): number {
    return Math.min(this.prefetch.size - queued, this.options.maxBuffered - buffered);
  }

  /** Whether the host holds its maximum of deliveries, including those that wait for an earlier event of their key. */
  isFull(buffered: number): boolean {
    return buffered >= this.options.maxBuffered;
  }

  /** Whether another delivery may begin. */
  get isOpen(): boolean {
    return this.quota > 0;
  }

  /** Sets how many more deliveries may begin: none, one for a probe, or Infinity. */
  allow(count: number): void {
    this.quota = count;
  }

  /** Counts a delivery that begins, so that one fewer may begin. */
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
