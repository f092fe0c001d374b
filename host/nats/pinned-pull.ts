import { machineTime } from '../base/time';
import type { PinSink, PullSink } from '../broker/pull';
import type { Msg } from './client';
import type { Connection } from './connection';
import { NatsDelivery } from './nats-delivery';
import { PIN_GROUP } from './pin-config';
import { unpin } from './pins';
import { Pull } from './pull';
import { PIN_LOST, PullPin, type PinServer } from './pull-pin';

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
      server: pinServer(connection, stream, durable),
      time: machineTime,
      sink: {
        ...pinSink,
        taken: () => this.takeAgain(),
        lost: () => this.standByAnew(),
      },
      changed: () => {
        if (this.requests.isOpen) this.renewRequests();
      },
      countRedelivered: (upTo) => (this.source.redeliveredUpTo = upTo),
    });
  }

  override resume(): void {
    this.paused = false;
    if (this.pin.isHeld) this.takeAgain();
    else super.resume();
  }

  override renew(): void {
    if (this.pin.isHeld && !this.missing) this.takeAgain();
    else super.renew();
  }

  protected override get capacity(): number {
    return this.pin.isHeld ? super.capacity : this.pin.capacity;
  }

  protected override send(batch: number): void {
    this.pin.requested();
    this.requests.send(batch, this.pin.fields);
  }

  protected override accepts(message: Msg, isCurrent: boolean): boolean {
    const { pin } = this;
    // The inbox is left with a pin, so a message to the present one has the present pin.
    if (!pin.isHeld || !isCurrent) return pin.accepts(new NatsDelivery(message, this.source));
    pin.delivered();
    return true;
  }

  protected override losesPin(): boolean {
    const { isHeld } = this.pin;
    this.pin.lose();
    return isHeld;
  }

  /**
   * Leaves the inbox, and has the sink take over the events as from another host. A cluster drops what is on its way to an
   * inbox that was left, and delivers it again behind later events.
   */
  private takeAgain(): void {
    if (!this.requests.isOpen) return;
    this.suspend();
    this.pinSink.taken();
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

function pinServer(connection: Connection, stream: string, durable: string): PinServer {
  return {
    get isConnected() {
      return connection.connected;
    },
    renew: (id) => {
      // No message is as small as one byte, so the server delivers none for this request.
      const request = { batch: 1, max_bytes: 1, no_wait: true, group: PIN_GROUP, id };
      const subject = `${connection.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${durable}`;
      const isKept = ({ headers }: Msg): boolean => headers?.code !== PIN_LOST;
      return connection.requests.ask(subject, JSON.stringify(request), isKept, { repeats: true });
    },
    unpin: () => {
      connection.ackWriter.flush();
      return unpin(connection, stream, durable);
    },
  };
}
