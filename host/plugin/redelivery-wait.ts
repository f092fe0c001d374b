import type { Delivery } from '../broker/delivery';
import type { Time, Timer } from '../base/time';

/** How much longer than its ack wait the server may take to redeliver an event. */
const MARGIN_MS = 1_000;

export interface RedeliveryEvents {
  /** The room has grown: more deliveries may be requested. */
  more(): void;
  /** The wait is over. Called once. */
  done(): void;
}

/**
 * Waits for the redelivery of events that were delivered before and are not settled: their host died, or the
 * connection lost them. A nacked event is redelivered at once, any other when its ack wait is over. An event that
 * another host is working on is not redelivered at all, so the wait is bounded.
 */
export class RedeliveryWait {
  /** How many deliveries may arrive during the wait. */
  private allowed: number;
  private arrivals = 0;
  private redeliveries = 0;
  private timer: Timer;

  /** @param missing how many events were delivered before and are neither settled nor in this host */
  constructor(
    private readonly missing: number,
    ackWaitMs: number,
    private readonly time: Time,
    private readonly events: RedeliveryEvents,
  ) {
    this.allowed = missing;
    this.timer = time.after(ackWaitMs + MARGIN_MS, () => this.allowRest());
  }

  /** How many more deliveries may be requested. */
  get room(): number {
    return this.allowed - this.arrivals;
  }

  arrived(delivery: Delivery): void {
    this.arrivals++;
    if (delivery.deliveryCount > 1) this.redeliveries++;
    if (this.redeliveries >= this.missing) this.end();
  }

  cancel(): void {
    this.timer.cancel();
  }

  /** New events may have used up the room. Redeliveries come before new events now, so room for those is enough. */
  private allowRest(): void {
    this.allowed = this.arrivals + this.missing - this.redeliveries;
    this.timer = this.time.after(MARGIN_MS, () => this.end());
    this.events.more();
  }

  private end(): void {
    this.timer.cancel();
    this.events.done();
  }
}
