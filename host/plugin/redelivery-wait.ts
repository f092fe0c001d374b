import type { Delivery } from '../broker/delivery';
import type { Time, Timer } from '../base/time';

/** The time that the server may take to redeliver an event after the event's ack wait has ended. */
const MARGIN_MS = 1_000;

export interface RedeliveryEvents {
  /** Called when the limit of deliveries during the wait has risen: more may be requested. */
  more(): void;
  /** Whether the server answers. While it does not, it sends no redelivery, so the wait does not end. */
  isServed(): Promise<boolean>;
  /** Called once, when the wait is over. */
  done(): void;
}

/**
 * Waits for the redelivery of events that were delivered before and are not settled, because their host died or the
 * connection lost them. The server redelivers a nacked event at once, and any other event when the event's ack wait is
 * over. It does not redeliver an event that another host is working on, so the wait is bounded.
 */
export class RedeliveryWait {
  /** How many deliveries may arrive during the wait. */
  private allowed: number;
  private arrivals = 0;
  private redeliveries = 0;
  private timer: Timer | undefined;
  private isOver = false;

  /** @param missing how many events were delivered before and are neither settled nor in this host */
  constructor(
    private readonly missing: number,
    private readonly ackWaitMs: number,
    private readonly time: Time,
    private readonly events: RedeliveryEvents,
  ) {
    this.allowed = missing;
  }

  /** Starts the time that bounds the wait. */
  start(): void {
    this.timer = this.time.after(this.ackWaitMs + MARGIN_MS, () => this.allowRest());
  }

  /** The number of further deliveries that may be requested during the wait. */
  get capacity(): number {
    return this.allowed - this.arrivals;
  }

  /** @param isKnown whether the event was in this host already, so that it was not missing */
  arrived({ deliveryCount }: Delivery, isKnown: boolean): void {
    // It has used up the request for a missing event.
    if (isKnown) return this.events.more();
    this.arrivals++;
    if (deliveryCount > 1) this.redeliveries++;
    if (this.redeliveries >= this.missing) this.end();
  }

  cancel(): void {
    this.isOver = true;
    this.timer?.cancel();
  }

  /**
   * Allows the missing redeliveries once more, because new events may have used up the limit. The server now sends
   * redeliveries before new events, so no higher limit is needed.
   */
  private allowRest(): void {
    this.allowed = this.arrivals + this.missing - this.redeliveries;
    this.timer = this.time.after(MARGIN_MS, () => void this.expire());
    this.events.more();
  }

  private async expire(): Promise<void> {
    const isServed = await this.events.isServed();
    if (this.isOver) return;
    if (isServed) this.end();
    else this.timer = this.time.after(MARGIN_MS, () => void this.expire());
  }

  private end(): void {
    this.cancel();
    this.events.done();
  }
}
