import type { PinSink, PullSink } from '../broker/pull';
import type { Msg } from './client';
import type { Connection } from './connection';
import { NatsDelivery } from './nats-delivery';
import { Pull } from './pull';
import { PIN_HEADER, PullPin } from './pull-pin';

/** Pulls the messages of a pinned durable, which delivers to one host at a time, while this host has its pin. */
export class PinnedPull extends Pull {
  readonly pin: PullPin;

  constructor(
    connection: Connection,
    stream: string,
    durable: string,
    sink: PullSink,
    private readonly pinSink: PinSink,
  ) {
    super(connection, stream, durable, sink);
    this.pin = new PullPin({
      ...{ connection, stream, durable },
      isBusy: () => pinSink.isBusy(),
      lost: () => this.standByAnew(),
      changed: () => {
        if (this.requests.isOpen) this.renewRequests();
      },
      countRedelivered: (upTo) => (this.source.redeliveredUpTo = upTo),
    });
  }

  protected override get capacity(): number {
    return this.pin.isHeld ? super.capacity : this.pin.capacity;
  }

  protected override send(batch: number): void {
    this.pin.requested();
    this.requests.send(batch, this.pin.fields);
  }

  /**
   * Takes the pin with the first message to this host. The sink may take messages only when it has found out which ones
   * other hosts have handled, so this message is delivered again.
   */
  protected override accepts(message: Msg): boolean {
    const { pin } = this;
    if (pin.isHeld) {
      pin.delivered();
      return true;
    }
    const delivery = new NatsDelivery(message, this.source);
    const id = delivery.header(PIN_HEADER);
    delivery.nak();
    if (id === undefined || !pin.take(id)) return false;
    this.suspend();
    this.pinSink.taken();
    return false;
  }

  protected override losesPin(): boolean {
    const { isHeld } = this.pin;
    this.pin.lose();
    return isHeld;
  }

  /** Stands by, because another host may have the pin. */
  private standByAnew(): void {
    // The acks of handled events are sent before the deliveries become ineffective.
    this.connection.ackWriter.flush();
    this.disown();
    this.pinSink.lost();
    this.missing = false;
    this.renewRequests();
  }

  private renewRequests(): void {
    this.requests.leave();
    this.startOver();
  }
}
