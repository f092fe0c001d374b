import type { Time, Timer } from '../../base/time';
import { WrappedDelivery } from '../../broker/wrapped-delivery';

/** The part of the intake that a local retry needs. */
export interface LocalRetries {
  readonly time: Time;
  /** Whether a delivery may still wait in this host; false once the host stops. */
  mayWait(): boolean;
  /** Whether another host gets the event. */
  isDropped(): boolean;
  /** Called when the delay is over. */
  due(): void;
}

/**
 * A delivery that keeps its order among the events of its key. Such a delivery waits for its retry in this host,
 * unacknowledged, so that the later events of the key wait too.
 */
export class LocalRetryDelivery extends WrappedDelivery {
  private retries = 0;
  private timer: Timer | undefined;

  constructor(
    delivery: WrappedDelivery['delivery'],
    private readonly intake: LocalRetries,
  ) {
    super(delivery);
  }

  /** The server's delivery count plus the retries in this host. */
  override get deliveryCount(): number {
    return this.delivery.deliveryCount + this.retries;
  }

  override get settled(): boolean {
    return this.isWaiting || this.delivery.settled;
  }

  override get isDropped(): boolean {
    return this.intake.isDropped();
  }

  get isWaiting(): boolean {
    return this.timer !== undefined;
  }

  /** Whether an ack, nak or term was sent. */
  get hasLeft(): boolean {
    return this.delivery.settled;
  }

  /**
   * Retries the delivery in this host. A stopping host nacks it without a delay, because the next event of the key
   * would overtake it.
   */
  override retryLocally(delayMs = 0): void {
    if (!this.intake.mayWait()) return this.delivery.nak();
    this.retries++;
    this.timer = this.intake.time.after(delayMs, () => {
      this.timer = undefined;
      this.intake.due();
    });
  }

  cancelRetry(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
