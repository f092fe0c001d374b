import { headerIn, type RepeatedHeaders } from '../broker/headers';
import type { Delivery, MessageRef } from '../broker/delivery';
import type { DurablePull, PullSink } from '../broker/pull';
import { utf8 } from '../base/utf8';
import type { ReplayedEvent } from './effect-run';

const NOTHING = (): void => undefined;

/** A pull that delivers one event, once, as the first delivery of its message. */
export class ReplayPull implements DurablePull {
  // A pull of one event has nothing more to request.
  readonly request = NOTHING;
  readonly pause = NOTHING;
  readonly probe = NOTHING;
  readonly resume = NOTHING;
  readonly suspend = NOTHING;
  readonly renew = NOTHING;
  readonly nudge = NOTHING;
  readonly found = NOTHING;
  readonly disown = NOTHING;
  private isDelivered = false;

  constructor(
    private readonly event: ReplayedEvent,
    private readonly sink: PullSink,
  ) {}

  start(): void {
    if (this.isDelivered) return;
    this.isDelivered = true;
    this.sink.deliver(new ReplayedDelivery(this.event), false);
  }

  async stop(): Promise<void> {
    // Nothing is in flight.
  }
}

/** A delivery whose settlement has no effect, because the record of the run tells it. */
export class ReplayedDelivery implements Delivery {
  readonly deliveryCount = 1;
  readonly consumerSequence = 1;
  readonly pending = 0;
  readonly payload: Uint8Array;
  settled = false;

  constructor(private readonly event: ReplayedEvent) {
    this.payload = Buffer.from(event.payload, 'base64');
  }

  get stream(): string {
    return this.event.stream;
  }
  get sequence(): number {
    return this.event.sequence;
  }
  get storedAtMs(): number {
    return this.event.storedAtMs;
  }
  get subject(): string {
    return this.event.subject;
  }
  get size(): number {
    return this.payload.length;
  }
  text(): string {
    return utf8(this.payload);
  }
  get origin(): MessageRef {
    return this;
  }
  header(lowerName: string): string | undefined {
    return headerIn(this.event.headers, lowerName);
  }
  headers(): Readonly<Record<string, string>> {
    return this.event.headers;
  }
  repeatedHeaders(): RepeatedHeaders | undefined {
    return this.event.repeated;
  }
  ack(): void {
    this.settled = true;
  }
  nak(): void {
    this.settled = true;
  }
  term(): void {
    this.settled = true;
  }
  working(): void {
    // No server waits for an ack.
  }
}
