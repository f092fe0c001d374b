import type { Delivery } from '../../host/broker/delivery';
import type { DurablePull, PullSink } from '../../host/broker/pull';
import { Channel, type Link } from './link';
import { RemoteDelivery, type DeliverySource } from './remote-delivery';

/** How long a request of a pull waits at the broker. */
const EXPIRES_MS = 5_000;
const MAX_BATCH = 4;
const STOP_MS = 1_000;

/** The messages that a host has asked for and not received. */
export interface Batch {
  /** How many the broker may still send. */
  left: number;
  /** How many the host still expects. */
  expected: number;
  /** Whether the host waits for it no more. */
  isOver: boolean;
  /** The pin that the request has; only for a pinned durable. */
  pin?: string | undefined;
}

/** Pulls from a durable of the broker over a connection that delays and loses messages. */
export class RemotePull implements DurablePull {
  protected isOpen = false;
  protected isPaused = false;
  protected isSuspended = false;
  private probes = 0;
  /** The requests at the broker. */
  protected atBroker: Batch[] = [];
  /** The requests that the host waits for. */
  private waiting: Batch[] = [];
  /** The requests to whose inbox the host listens. */
  private readonly inbox = new Set<Batch>();
  protected source: DeliverySource = { isLost: false, redeliveredUpTo: 0 };
  private down = new Channel();
  private readonly up = new Channel();
  private readonly inner: DurablePull;

  constructor(
    protected readonly link: Link,
    protected readonly durable: string,
    open: (sink: PullSink) => DurablePull,
    private readonly sink: PullSink,
  ) {
    this.inner = open({
      ...sink,
      capacity: () => this.atBroker.reduce((sum, batch) => sum + (this.isServed(batch) ? batch.left : 0), 0),
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
    const free = (this.isPaused ? this.probes : this.capacity) - expected;
    if (free > 0) this.ask(Math.min(free, 1 + this.link.world.dice.below(MAX_BATCH)));
  }

  pause(): void {
    this.isPaused = true;
    this.probes = 0;
    this.leave();
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
    this.leave();
  }

  renew(): void {
    this.leave();
    this.request();
  }

  nudge(): void {
    // No request is lost at the broker without an end that the host notices.
  }

  found(): void {
    this.isSuspended = false;
    this.waiting = [];
    this.request();
  }

  disown(): void {
    this.source.isLost = true;
    this.source = { isLost: false, redeliveredUpTo: 0 };
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

  /** How many messages may be under way to the sink. */
  protected get capacity(): number {
    return this.sink.capacity();
  }

  protected newBatch(count: number): Batch {
    return { left: 0, expected: count, isOver: false };
  }

  /** Called at the broker. Returns whether the broker takes the request. */
  protected arrivesAtBroker(_batch: Batch): boolean {
    return true;
  }

  /** Whether the broker sends messages to the request now. */
  protected isServed(_batch: Batch): boolean {
    return true;
  }

  /** The headers that the broker adds to a message for the request. */
  protected headersFor(_batch: Batch): Readonly<Record<string, string>> {
    return {};
  }

  /** Whether a message is one for the sink. */
  protected accepts(_delivery: RemoteDelivery): boolean {
    return true;
  }

  /** Serves the requests that wait at the broker. */
  protected requestAtBroker(): void {
    this.inner.request();
  }

  protected endAtBroker(batch: Batch): void {
    batch.left = 0;
    this.atBroker = this.atBroker.filter((one) => one !== batch);
  }

  protected forget(batch: Batch): void {
    this.endAtBroker(batch);
    batch.isOver = true;
    batch.expected = 0;
    this.inbox.delete(batch);
    this.waiting = this.waiting.filter((one) => one !== batch);
  }

  /** Brings something from the broker to the host, behind the messages that are on their way. */
  protected toHost(act: () => void): void {
    this.link.receive(act, this.down);
  }

  /** Messages that are on their way arrive later, and maybe after some that the broker sends from now on. */
  protected delayDeliveries(forMs: number): void {
    this.down.delay(this.link.world.agenda.nowMs + forMs);
    this.down = new Channel();
  }

  private ask(count: number): void {
    const batch = this.newBatch(count);
    this.waiting.push(batch);
    this.inbox.add(batch);
    this.link.send(
      `pull ${count} of ${this.durable}`,
      () => {
        if (batch.isOver || !this.arrivesAtBroker(batch)) return;
        batch.left = count;
        this.atBroker.push(batch);
        this.inner.request();
      },
      this.up,
    );
    this.link.time.after(EXPIRES_MS, () => this.expire(batch));
  }

  private expire(batch: Batch): void {
    if (batch.isOver) return this.endAtBroker(batch);
    this.forget(batch);
    this.request();
  }

  /** Ends the requests. The broker may send messages until it knows that. */
  private leave(): void {
    for (const batch of this.inbox) {
      batch.isOver = true;
      this.link.unsubscribe(() => this.endAtBroker(batch));
    }
    this.inbox.clear();
    this.waiting = [];
  }

  /** The connection is lost. The broker may notice it some time later, and send messages that never arrive. */
  private forgetAll(): void {
    const { world } = this.link;
    const before = [...this.atBroker];
    world.agenda.after(world.lingerMs(), () => before.forEach((batch) => this.endAtBroker(batch)));
  }

  private returned(): void {
    // The new connection does not listen to inboxes that were left.
    for (const batch of this.atBroker) if (batch.isOver) this.endAtBroker(batch);
    if (!this.isOpen) return;
    this.isSuspended = true;
    this.sink.returned();
  }

  private leaveBroker(delivery: Delivery): void {
    const batch = this.atBroker.find((one) => one.left > 0 && this.isServed(one))!;
    batch.left--;
    const { world, name } = this.link;
    const headers = this.headersFor(batch);
    const { pending } = delivery;
    world.delivered(this.durable, delivery);
    this.toHost(() => {
      const isLate = batch.isOver;
      if (!isLate && --batch.expected === 0) this.forget(batch);
      if (this.isPaused && this.probes > 0) this.probes--;
      const to = { link: this.link, durable: this.durable, channel: this.up, source: this.source };
      const remote = new RemoteDelivery(delivery, { headers, pending }, to);
      world.trace.add(name, `gets ${remote.what} (delivery ${remote.deliveryCount})${isLate ? ' late' : ''}`);
      if (!this.accepts(remote)) return;
      this.sink.deliver(world.mistakes.delivery(remote), isLate);
      this.request();
    });
  }
}
