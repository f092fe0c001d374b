import type { Delivery } from '../../broker/delivery';
import { decode, type Decoded } from '../decode';
import type { Handler } from '../handler';
import type { Invalid } from '../outcome';
import { LocalRetryDelivery, type LocalRetries } from './local-retry';

/** `queued`: it waits for its turn. `retrying`: it has failed and waits in this host for its next run. */
export type DeliveryState = 'queued' | 'running' | 'retrying';

/** A delivery that waits or runs in this host. */
export class BufferedDelivery {
  readonly arrivedAtMs: number;
  /** When the delivery's ack wait on the server began or was last restarted. */
  touchedAtMs: number;
  delivery: Delivery;
  /** The value of the handler's key field; undefined without a key. */
  key: string | undefined;
  /** Whether the delivery's run has begun. */
  hasBegun = false;
  /** Whether the delivery is the first of its key. Only the first may run. */
  isFirst = false;
  /** Whether another host gets the event, so that this host does not retry it. */
  isDropped = false;
  /** The decoded event, if it was decoded for its key. */
  decoded: Decoded | Invalid | undefined;
  private localRetry: LocalRetryDelivery | undefined;

  /**
   * @param handler the version of the handler at the delivery's arrival; replaced by the newest when the delivery
   * begins
   */
  constructor(
    delivery: Delivery,
    public handler: Handler,
  ) {
    this.delivery = delivery;
    this.arrivedAtMs = handler.time.nowMs();
    this.touchedAtMs = this.arrivedAtMs;
  }

  /** Decodes the key, and makes this host do the delivery's retries. */
  enableLocalRetry(intake: LocalRetries): void {
    this.localRetry = new LocalRetryDelivery(this.delivery, intake);
    this.delivery = this.localRetry;
    this.decoded = decode(this.localRetry, this.handler.limits);
    this.key = keyOf(this.decoded, this.handler.key!);
  }

  /** Whether an ack, nak or term was sent. */
  get hasLeft(): boolean {
    return this.localRetry ? this.localRetry.hasLeft : this.delivery.settled;
  }

  /** Whether it waits for a retry in this host. */
  get isRetrying(): boolean {
    return this.localRetry?.isWaiting === true;
  }

  get state(): DeliveryState {
    if (this.isRetrying) return 'retrying';
    return this.hasBegun ? 'running' : 'queued';
  }

  /** Makes a delivery that runs leave the queue of its key, and this host after its run. */
  drop(): void {
    this.isFirst = false;
    this.isDropped = true;
  }

  /** Nacks the delivery, also if it waits for a local retry. */
  release(): void {
    this.localRetry?.cancelRetry();
    this.delivery.nak();
  }
}

/** Returns the value of the key field as text; undefined if the event has no such field or is invalid. */
function keyOf(decoded: Decoded | Invalid, field: string): string | undefined {
  if (decoded.kind !== 'decoded') return undefined;
  const value = Object.hasOwn(decoded.fields, field) ? decoded.fields[field] : undefined;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Compares deliveries by their sequence in the stream. */
export function bySequence(a: BufferedDelivery, b: BufferedDelivery): number {
  return a.delivery.sequence - b.delivery.sequence;
}
