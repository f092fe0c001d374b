import { WrappedDelivery } from '../broker/wrapped-delivery';
import type { Delivery } from '../broker/delivery';

/** A delivery that notes how it was answered, for the span of its settlement. */
export class AnsweredDelivery extends WrappedDelivery {
  /** The answer that was sent to the server. */
  answer: 'ack' | 'nak' | 'term' | undefined;

  constructor(delivery: Delivery) {
    super(delivery);
    if (delivery.retryLocally) this.retryLocally = (delayMs) => delivery.retryLocally!(delayMs);
  }

  override ack(): void {
    this.delivery.ack();
    this.answer = 'ack';
  }
  override nak(delayMs?: number): void {
    this.delivery.nak(delayMs);
    this.answer = 'nak';
  }
  override term(reason: string): void {
    this.delivery.term(reason);
    this.answer = 'term';
  }
}
