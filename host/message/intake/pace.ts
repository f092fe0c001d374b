import type { Time, Timer } from '../../base/time';
import type { MessageRef } from '../../broker/delivery';
import type { RatePolicy } from '../handler';
import { RateLimit } from './rate-limit';

/**
 * Decides when the next event of a handler with a rate may begin in this host. Events begin only while this host is the
 * one that runs the handler.
 */
export class Pace {
  private limit: RateLimit;
  /** Until when this host may begin events; it is extended again and again. */
  private untilMs = -Infinity;
  private timer: Timer | undefined;
  /** The events that have a place in the window, and with which the handler is not called yet. */
  private readonly coming = new Set<string>();
  /** Whether the next event waits for a place. */
  private isWaiting = false;

  /**
   * @param batchSize how many events the handler takes at a time
   * @param start called when an event may begin that could not before
   */
  constructor(
    rate: RatePolicy,
    private readonly batchSize: number,
    private readonly time: Time,
    private readonly start: () => void,
  ) {
    this.limit = new RateLimit(rate);
  }

  /** Whether this host is the one that runs the handler. */
  get isGranted(): boolean {
    return this.time.nowMs() < this.untilMs;
  }

  /**
   * Lets this host begin events until the time.
   * @param isTakeover whether another host may have begun events lately. Then none begins in the first `per` of the rate
   */
  grant(untilMs: number, isTakeover: boolean): void {
    this.untilMs = untilMs;
    if (isTakeover) this.limit.fill(this.time.nowMs());
    this.start();
  }

  revoke(): void {
    this.untilMs = -Infinity;
    this.stop();
  }

  /** Changes the rate. Nothing begins in the first `per` of a new one, because events have begun by the earlier one. */
  renew(rate: RatePolicy): void {
    const { events, perMs } = this.limit.policy;
    if (rate.events === events && rate.perMs === perMs) return;
    this.limit = new RateLimit(rate);
    this.limit.take(this.coming.size);
    this.limit.fill(this.time.nowMs());
  }

  /**
   * Whether the next event, or batch, may begin now. If only the rate forbids it, `start` is called later.
   * @param ready how many events wait
   */
  mayBegin(ready: number): boolean {
    if (ready === 0) return true;
    const nowMs = this.time.nowMs();
    if (nowMs >= this.untilMs) return false;
    const waitMs = this.limit.waitMs(Math.min(ready, this.batchSize), nowMs);
    if (waitMs <= 0) return true;
    this.isWaiting = true;
    if (waitMs === Infinity) return false;
    this.timer ??= this.time.after(Math.ceil(waitMs), () => {
      this.timer = undefined;
      this.start();
    });
    return false;
  }

  /** Takes places in the window for events that begin. */
  began(deliveries: readonly MessageRef[]): void {
    for (const delivery of deliveries) this.coming.add(keyOf(delivery));
    this.limit.take(deliveries.length);
  }

  /** Notes that the handler is called with an event. A call that starts again is counted once. */
  called(delivery: MessageRef): void {
    if (!this.coming.delete(keyOf(delivery))) return;
    this.limit.called(this.time.nowMs());
    this.startWaiting();
  }

  /** Frees the place of an event that has ended, unless the handler was called with it. */
  ended(delivery: MessageRef): void {
    if (!this.coming.delete(keyOf(delivery))) return;
    this.limit.release();
    this.startWaiting();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private startWaiting(): void {
    if (!this.isWaiting) return;
    this.isWaiting = false;
    this.start();
  }
}

function keyOf({ stream, sequence }: MessageRef): string {
  return `${stream} ${sequence}`;
}
