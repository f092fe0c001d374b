import type { Delivery } from '../../host/broker/delivery';
import type { DurablePull, PullSink } from '../../host/broker/pull';
import { WrappedDelivery } from '../../host/broker/wrapped-delivery';
import { Channel, type Link } from './link';

/** How long a request of a pull waits at the broker. */
const EXPIRES_MS = 5_000;
const MAX_BATCH = 4;
const STOP_MS = 1_000;

/** The messages that a host has asked for and not received. */
interface Batch {
  /** How many the broker may still send. */
  left: number;
  /** How many the host still expects. */
  expected: number;
  isOver: boolean;
}

/** Pulls from a durable of the broker over a connection that delays and loses messages. */
export class RemotePull implements DurablePull {
  private isOpen = false;
  private isPaused = false;
  private isSuspended = false;
  private probes = 0;
  /** The requests at the broker. */
  private atBroker: Batch[] = [];
  /** The requests that the host waits for. */
  private waiting: Batch[] = [];
  private readonly down = new Channel();
  private readonly up = new Channel();
  private readonly inner: DurablePull;

  constructor(
    private readonly link: Link,
    private readonly durable: string,
    open: (sink: PullSink) => DurablePull,
    private readonly sink: PullSink,
  ) {
    this.inner = open({
      ...sink,
      capacity: () => this.atBroker.reduce((sum, { left }) => sum + left, 0),
      deliver: (delivery) => this.leaveBroker(delivery),
    });
    this.inner.start();
    const { world } = link;
    link.onEnd(() => world.agenda.after(world.lingerMs(), () => void this.inner.stop()));
    link.onReturn(
      () => this.returned(),
      () => this.forgetAll(),
    );
  }

  start({ suspended = false } = {}): void {
    this.isOpen = true;
    this.isSuspended = suspended;
    this.request();
  }

  request(): void {
    if (!this.isOpen || this.isSuspended) return;
    const expected = this.waiting.reduce((sum, batch) => sum + batch.expected, 0);
    const free = (this.isPaused ? this.probes : this.sink.capacity()) - expected;
    if (free > 0) this.ask(Math.min(free, 1 + this.link.world.dice.below(MAX_BATCH)));
  }

  pause(): void {
    this.isPaused = true;
    this.probes = 0;
  }

  probe(): void {
    this.probes = 1;
    this.request();
  }

  resume(): void {
    this.isPaused = false;
    this.request();
  }

  suspend(): void {
    this.isSuspended = true;
  }

  renew(): void {
    this.request();
  }

  nudge(): void {
    // No request is lost at the broker without an end that the host notices.
  }

  found(): void {
    this.isSuspended = false;
    this.request();
  }

  disown(): void {
    throw new Error('no stream is lost in the simulation');
  }

  async stop(): Promise<void> {
    this.isOpen = false;
    await this.link
      .request(`stop the pull of ${this.durable}`, 'JP_BROKER_NO_QUORUM', () => this.inner.stop())
      .catch(() => this.inner.stop());
    // The deliveries that were on their way arrive before the answer of the broker, if the connection holds.
    await new Promise<void>((resolve) => {
      this.link.receive(resolve, this.down);
      this.link.time.after(STOP_MS, resolve);
    });
  }

  private ask(count: number): void {
    const batch: Batch = { left: 0, expected: count, isOver: false };
    this.waiting.push(batch);
    this.link.send(
      `pull ${count} of ${this.durable}`,
      () => {
        if (batch.isOver) return;
        batch.left = count;
        this.atBroker.push(batch);
        this.inner.request();
      },
      this.up,
    );
    this.link.time.after(EXPIRES_MS, () => this.expire(batch));
  }

  private expire(batch: Batch): void {
    if (batch.isOver) return;
    this.forget(batch);
    this.request();
  }

  private forget(batch: Batch): void {
    batch.isOver = true;
    batch.left = 0;
    batch.expected = 0;
    this.atBroker = this.atBroker.filter((one) => one !== batch);
    this.waiting = this.waiting.filter((one) => one !== batch);
  }

  /** The connection is lost. The broker may notice it some time later, and send messages that never arrive. */
  private forgetAll(): void {
    const { world } = this.link;
    const before = [...this.atBroker];
    world.agenda.after(world.lingerMs(), () => before.forEach((batch) => this.forget(batch)));
    this.waiting = [];
  }

  private returned(): void {
    if (!this.isOpen) return;
    this.isSuspended = true;
    this.sink.returned();
  }

  private leaveBroker(delivery: Delivery): void {
    const batch = this.atBroker.find(({ left }) => left > 0)!;
    batch.left--;
    const { world, name } = this.link;
    const remote = new RemoteDelivery(delivery, this.link, this.durable, this.up);
    world.delivered(this.durable, delivery);
    this.link.receive(() => {
      const isLate = batch.isOver;
      if (!isLate && --batch.expected === 0) this.forget(batch);
      if (this.isPaused && this.probes > 0) this.probes--;
      world.trace.add(name, `gets ${remote.what} (delivery ${delivery.deliveryCount})`);
      this.sink.deliver(world.mistakes.delivery(remote), isLate);
      this.request();
    }, this.down);
  }
}

/** A delivery whose acks pass the connection. */
class RemoteDelivery extends WrappedDelivery {
  private isSettled = false;
  private readonly left: number;
  readonly what: string;

  constructor(
    delivery: Delivery,
    private readonly link: Link,
    private readonly durable: string,
    private readonly channel: Channel,
  ) {
    super(delivery);
    this.left = delivery.pending;
    this.what = `${durable} ${delivery.sequence}`;
  }

  override get pending(): number {
    return this.left;
  }
  override get settled(): boolean {
    return this.isSettled;
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
    this.link.send(`working ${this.what}`, () => this.latest((delivery) => delivery.working()), this.channel);
  }

  private settle(how: string, act: (latest: Delivery) => void): void {
    if (this.isSettled) throw new Error(`${this.what} is settled twice`);
    this.isSettled = true;
    const { world, name } = this.link;
    this.link.send(
      `${how} ${this.what}`,
      () => {
        world.trace.add(name, `${how} ${this.what}`);
        this.latest(act);
      },
      this.channel,
    );
  }

  /** An ack of an earlier delivery settles the message too, also if the broker has delivered it again since. */
  private latest(act: (delivery: Delivery) => void): void {
    const latest = this.link.world.latest(this.durable, this.delivery);
    if (!latest.settled) act(latest);
  }
}
