import type { Delivery } from '../../host/broker/delivery';
import { WrappedDelivery } from '../../host/broker/wrapped-delivery';
import type { Channel, Link } from './link';

/** The durable that deliveries come from, as one host sees it. */
export interface DeliverySource {
  /** Whether acks are not sent any more, because another host has the durable. */
  isLost: boolean;
  /** Each event up to this sequence counts as delivered once before, because the durable was reset. */
  redeliveredUpTo: number;
}

/** The parts of a delivery that the broker sets when it sends it. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly pending: number;
}

/** Where a delivery has arrived. */
export interface Arrival {
  readonly link: Link;
  readonly durable: string;
  readonly channel: Channel;
  readonly source: DeliverySource;
}

/** A delivery whose acks pass the connection. */
export class RemoteDelivery extends WrappedDelivery {
  private isSettled = false;
  private readonly before: number;
  readonly what: string;

  constructor(
    delivery: Delivery,
    private readonly sent: Sent,
    private readonly at: Arrival,
  ) {
    super(delivery);
    this.before = delivery.sequence <= at.source.redeliveredUpTo ? 1 : 0;
    this.what = `${at.durable} ${delivery.sequence}`;
  }

  override get deliveryCount(): number {
    return super.deliveryCount + this.before;
  }
  override get pending(): number {
    return this.sent.pending;
  }
  override get settled(): boolean {
    return this.isSettled;
  }
  override header(lowerName: string): string | undefined {
    return this.sent.headers[lowerName] ?? super.header(lowerName);
  }
  override ack(): void {
    this.settle('ack', (latest) => latest.ack());
  }
  override nak(delayMs?: number): void {
    this.settle(delayMs === undefined ? 'nak' : `nak for ${Math.round(delayMs)} ms`, (latest) => latest.nak(delayMs));
  }
  override term(reason: string): void {
    this.settle('term', (latest) => latest.term(reason));
  }
  override working(): void {
    this.send(`working ${this.what}`, () => this.latest((delivery) => delivery.working()));
  }

  private settle(how: string, act: (latest: Delivery) => void): void {
    if (this.isSettled) throw new Error(`${this.what} is settled twice`);
    this.isSettled = true;
    const { world, name } = this.at.link;
    this.send(`${how} ${this.what}`, () => {
      world.trace.add(name, `${how} ${this.what}`);
      this.latest(act);
    });
  }

  private send(what: string, act: () => void): void {
    const { link, channel, source } = this.at;
    if (!source.isLost) link.send(what, act, channel);
  }

  /** An ack of an earlier delivery settles the message too, also if the broker has delivered it again since. */
  private latest(act: (delivery: Delivery) => void): void {
    const { link, durable } = this.at;
    const latest = link.world.latest(durable, this.delivery);
    if (!latest.settled) act(latest);
  }
}
