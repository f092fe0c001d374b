import type { Delivery, MessageRef, Past } from './delivery';
import type { RepeatedHeaders } from './headers';

/** A delivery that forwards to another one. Subclasses override parts of it. */
export abstract class WrappedDelivery implements Delivery {
  constructor(protected readonly delivery: Delivery) {}

  get subject(): string {
    return this.delivery.subject;
  }
  get payload(): Uint8Array {
    return this.delivery.payload;
  }
  get size(): number {
    return this.delivery.size;
  }
  text(): string {
    return this.delivery.text();
  }
  get stream(): string {
    return this.delivery.stream;
  }
  get sequence(): number {
    return this.delivery.sequence;
  }
  get storedAtMs(): number {
    return this.delivery.storedAtMs;
  }
  get origin(): MessageRef {
    return this.delivery.origin;
  }
  get past(): Past | undefined {
    return this.delivery.past;
  }
  get deliveryCount(): number {
    return this.delivery.deliveryCount;
  }
  get consumerSequence(): number {
    return this.delivery.consumerSequence;
  }
  get pending(): number {
    return this.delivery.pending;
  }
  get settled(): boolean {
    return this.delivery.settled;
  }
  get isDropped(): boolean {
    return this.delivery.isDropped === true;
  }
  header(lowerName: string): string | undefined {
    return this.delivery.header(lowerName);
  }
  headers(): Readonly<Record<string, string>> {
    return this.delivery.headers();
  }
  repeatedHeaders(): RepeatedHeaders | undefined {
    return this.delivery.repeatedHeaders();
  }
  ack(): void {
    this.delivery.ack();
  }
  nak(delayMs?: number): void {
    this.delivery.nak(delayMs);
  }
  retryLocally?(delayMs?: number): void;
  term(reason: string): void {
    this.delivery.term(reason);
  }
  working(): void {
    this.delivery.working();
  }
}
