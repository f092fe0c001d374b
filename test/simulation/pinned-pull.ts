import type { DurablePull, PinSink, PullSink } from '../../host/broker/pull';
import { PIN_HEADER, PullPin } from '../../host/nats/pull-pin';
import type { BrokerPin, PinEnd } from './broker-pin';
import type { Link } from './link';
import { RemotePull, type Batch } from './pull';
import type { RemoteDelivery } from './remote-delivery';

const LATE_MS = 3_000;

/** Pulls from a pinned durable of the broker. The host's own code takes, keeps and gives up the pin. */
export class RemotePinnedPull extends RemotePull {
  readonly pin: PullPin;

  constructor(
    link: Link,
    durable: string,
    open: (sink: PullSink) => DurablePull,
    sink: PullSink,
    private readonly pinSink: PinSink,
  ) {
    super(link, durable, open, sink);
    const { world } = link;
    this.pin = new PullPin({
      server: {
        get isConnected() {
          return link.isConnected;
        },
        renew: (id) =>
          link.request(`keep ${id}`, 'JP_BROKER_NO_QUORUM', async () => {
            if (world.dice.chance(world.faults.lostKeeps)) throw new Error('lost');
            return this.brokerPin.renew(id);
          }),
        unpin: () =>
          link.request(`unpin ${durable}`, 'JP_BROKER_NO_QUORUM', async () => this.brokerPin.takeBack('given up')),
      },
      time: link.time,
      sink: {
        ...pinSink,
        taken: () => {
          world.trace.add(link.name, `takes the pin of ${durable}`);
          this.takeAgain();
        },
        lost: () => this.standByAnew(),
      },
      changed: () => {
        if (this.isOpen) this.renew();
      },
      countRedelivered: (upTo) => (this.source.redeliveredUpTo = upTo),
    });
    const ended = (why: PinEnd): void => this.ended(why);
    this.brokerPin.ended.add(ended);
    link.onEnd(() => this.brokerPin.ended.delete(ended));
  }

  override resume(): void {
    this.isPaused = false;
    if (this.pin.isHeld) this.takeAgain();
    else super.resume();
  }

  override renew(): void {
    if (this.pin.isHeld && !this.isSuspended) this.takeAgain();
    else super.renew();
  }

  protected override get capacity(): number {
    return this.pin.isHeld ? super.capacity : this.pin.capacity;
  }

  protected override newBatch(count: number): Batch {
    this.pin.requested();
    return { ...super.newBatch(count), pin: this.pin.fields.id };
  }

  /** A request with another pin than the durable's is answered with the status 423. */
  protected override arrivesAtBroker(batch: Batch): boolean {
    const { pin } = batch;
    if (pin === undefined || this.brokerPin.renew(pin)) return true;
    this.refuse(batch);
    return false;
  }

  protected override isServed({ pin }: Batch): boolean {
    return pin === this.brokerPin.id;
  }

  protected override headersFor(batch: Batch): Readonly<Record<string, string>> {
    batch.pin ??= this.brokerPin.give();
    return { [PIN_HEADER]: batch.pin };
  }

  protected override accepts(delivery: RemoteDelivery): boolean {
    return this.pin.accepts(delivery);
  }

  private get brokerPin(): BrokerPin {
    return this.link.world.pinOf(this.durable);
  }

  /** The broker has taken the pin from its host. It says so to some requests only when it would serve them. */
  private ended(why: PinEnd): void {
    const { dice, faults } = this.link.world;
    if (why === 'moved' && dice.chance(faults.lateDeliveries)) this.delayDeliveries(dice.between(0, LATE_MS));
    for (const batch of this.atBroker) if (batch.pin !== undefined && dice.chance(0.5)) this.refuse(batch);
    this.requestAtBroker();
  }

  private refuse(batch: Batch): void {
    this.endAtBroker(batch);
    this.toHost(() => {
      if (batch.isOver) return;
      this.link.world.trace.add(this.link.name, `has lost the pin of ${this.durable}`);
      this.forget(batch);
      if (this.pin.isHeld) this.pin.lose();
      else this.request();
    });
  }

  private takeAgain(): void {
    if (!this.isOpen) return;
    this.suspend();
    this.pinSink.taken();
  }

  /** Stands by, because another host may have the pin. */
  private standByAnew(): void {
    this.disown();
    this.pinSink.lost();
    this.isSuspended = false;
    this.renew();
  }
}
