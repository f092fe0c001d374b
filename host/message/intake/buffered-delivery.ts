import type { Timer } from '../../base/time';
import type { Decoded } from '../decode';
import type { Delivery } from '../../broker/delivery';
import type { Handler } from '../handler';
import type { Invalid } from '../outcome';
import { WrappedDelivery } from '../../broker/wrapped-delivery';

/** A delivery in this host's hands, waiting or running. */
export class BufferedDelivery {
  readonly arrivedAtMs: number;
  /** When the server last heard of it. */
  touchedAtMs: number;
  delivery: Delivery;
  /** The value of its handler's key field, where there is one. */
  key: string | undefined;
  /** Whether it is the one of its key whose turn it is. */
  isFirst = false;
  /** Its event, where it was needed for the key. */
  decoded: Decoded | Invalid | undefined;
  /** Waits for its retry here. */
  retryTimer: Timer | undefined;

  /** @param handler what it is for; a newer version of it, once there is one and this has not begun */
  constructor(
    delivery: Delivery,
    public handler: Handler,
  ) {
    this.delivery = delivery;
    this.arrivedAtMs = handler.time.nowMs();
    this.touchedAtMs = this.arrivedAtMs;
  }

  /** Whether it is out of this host's hands. */
  get hasLeft(): boolean {
    return this.delivery instanceof LocalRetryDelivery ? this.delivery.hasLeft : this.delivery.settled;
  }
}

/**
 * A delivery that keeps its place: when it is given back to be tried again it waits here rather than in the
 * stream, so that what comes after it under its key waits too.
 */
export class LocalRetryDelivery extends WrappedDelivery {
  private returns = 0;
  private waits = false;

  /** @param again called when it is given back; answers whether it may wait here */
  constructor(
    delivery: Delivery,
    private readonly again: (delayMs: number) => boolean,
  ) {
    super(delivery);
  }

  /** It runs again. */
  resume(): void {
    this.waits = false;
  }

  /** Those in this host included. */
  override get deliveryCount(): number {
    return this.delivery.deliveryCount + this.returns;
  }
  override get settled(): boolean {
    return this.waits || this.delivery.settled;
  }
  get hasLeft(): boolean {
    return this.delivery.settled;
  }
  override nak(delayMs = 0): void {
    // At once, since what follows it under its key would overtake it before a delay is over.
    if (!this.again(delayMs)) return this.delivery.nak();
    this.returns++;
    this.waits = true;
  }
}
