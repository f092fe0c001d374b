import type { DurablePull, PullSink } from '../broker/pull';
import { setTimeout as sleep } from 'node:timers/promises';
import { nanos, type Msg, type Subscription } from 'nats';
import type { Connection } from './connection';
import { DeliverySource, NatsDelivery } from './nats-delivery';
/** What was asked for comes, though the handler may have become slow meanwhile: so large requests end soon. */
const EXPIRES_MS = 30_000;
/** Small ones seldom, as each of a host's idle handlers asks anew; that the server has a request is told by its heartbeats. */
const SMALL = { batch: 100, expiresMs: 120_000 };
/** While a request waits the server says so often that it has it. */
const HEARTBEAT_MS = 5_000;
const SILENT_AFTER_MS = 2.5 * HEARTBEAT_MS;
const RETRY_MS = 500;
/** The server takes up to 512 waiting requests of a durable, from all hosts. */
const MOST_REQUESTS = 50;
/** A server that stands still never says that it has sent all. */
const DRAIN_MS = 5_000;

/**
 * Pulls a durable's messages by the protocol of ADR-37: asks for as many as the sink has room for,
 * and asks again when requests end, the connection returns or the server falls silent. The client's
 * own `consume()` was seen to stop for good after missed heartbeats, and asks for more without
 * knowing what the sink still holds.
 */
export class Pull implements DurablePull {
  private subscription: Subscription | undefined;
  private inbox = '';
  /** Asked for and not come yet. */
  private outstanding = 0;
  /** How many messages one request may ask for, where the server limits that. */
  private largestBatch = Infinity;
  /** Whether anything came since the last look, and when a look found so. */
  private heard = false;
  private heardAtMs = 0;
  /** It was said that nothing is heard; once is enough until something is. */
  private silenceTold = false;
  /** The owner wants no more. */
  private paused = false;
  /** The consumer is not there. */
  private missing = false;
  /** What the deliveries have in common. */
  private origin: DeliverySource;
  private retryTimer: NodeJS.Timeout | undefined;
  /** Why the server refused the last request; nothing once it has taken one. */
  private refusal: string | undefined;
  /** Whether a message came since the last {@link nudge}, and whether none had come at the one before. */
  private got = false;
  private wasIdle = false;
  private forgetReconnect: (() => void) | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly stream: string,
    private readonly durable: string,
    private readonly sink: PullSink,
  ) {
    this.origin = this.newOrigin();
  }

  /** @param held asks for nothing before {@link found} */
  start({ held = false } = {}): void {
    this.missing = held;
    this.listen();
    this.forgetReconnect = this.connection.onReconnect(() => this.lookAgain());
    this.connection.pulls.add(this);
    this.request();
  }

  /** Asks for more where there is room; called whenever a delivery leaves the sink. */
  request(): void {
    if (this.paused || this.missing || this.retryTimer) return;
    const room = this.sink.room();
    const missing = room - this.outstanding;
    // Small requests cost as much as large ones: wait until half of the room is free.
    if (missing <= 0 || (this.outstanding > 0 && missing < room / 2)) return;
    if (this.outstanding === 0) this.heardAtMs = performance.now();
    for (let left = missing, n = 0; left > 0 && n < MOST_REQUESTS; n++) {
      const batch = Math.min(left, this.largestBatch);
      this.outstanding += batch;
      this.ask(batch);
      left -= batch;
    }
  }

  /** Asks for no more until {@link resume}; what is under way is still delivered to the sink. */
  pause(): void {
    if (!this.subscription) return;
    this.paused = true;
    this.outstanding = 0;
    this.leaveRequests();
  }

  /** Asks for one message while paused. */
  probe(): void {
    if (!this.subscription || !this.connection.connected) return;
    this.ask(1);
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    this.paused = false;
    this.startOver();
  }

  /** Asks for no more until {@link found}; what is under way is still delivered to the sink. */
  hold(): void {
    if (this.missing) return;
    this.missing = true;
    this.outstanding = 0;
    this.leaveRequests();
  }

  /** Leaves the waiting requests and sends new ones: the server does not apply changed settings to waiting requests. */
  renew(): void {
    if (this.paused || this.missing || !this.subscription) return;
    this.leaveRequests();
    this.largestBatch = Infinity;
    this.startOver();
  }

  /**
   * Called every few seconds while events wait for delivery. Sends a new request when one waits and no message came
   * between two calls: a request that waits is not served when a pause ends early.
   */
  nudge(): void {
    const isIdle = !this.got && this.outstanding > 0;
    if (isIdle && this.wasIdle) this.renew();
    this.wasIdle = isIdle;
    this.got = false;
  }

  /** Goes on after {@link PullSink.gone}, when the consumer is there again. */
  found(): void {
    this.missing = false;
    this.largestBatch = Infinity;
    this.startOver();
  }

  /** The stream was made again: what came of the old one is not to be answered, as its sequences are others' now. */
  disown(): void {
    this.origin.lost = true;
    this.origin = this.newOrigin();
  }

  /** Asks for nothing more; resolves when all that was under way has been delivered to the sink. */
  async stop(): Promise<void> {
    this.paused = true;
    this.missing = false;
    this.connection.pulls.remove(this);
    clearTimeout(this.retryTimer);
    this.forgetReconnect?.();
    const { subscription } = this;
    this.subscription = undefined;
    if (!subscription || subscription.isClosed()) return;
    if (this.connection.connected)
      await Promise.race([subscription.drain(), sleep(DRAIN_MS, undefined, { ref: false })]);
    if (!subscription.isClosed()) subscription.unsubscribe();
  }

  private newOrigin(): DeliverySource {
    return new DeliverySource(this.connection.ackWriter);
  }

  private listen(): void {
    const inbox = this.connection.newInbox();
    this.inbox = inbox;
    this.subscription = this.connection.nc.subscribe(inbox, {
      callback: (error, message) => this.receive(inbox, error, message),
    });
  }

  private ask(batch: number): void {
    const { nc } = this.connection;
    if (nc.isClosed()) return;
    // The client drops a subscription that the server does not permit; by now it may.
    if (this.subscription?.isClosed()) this.listen();
    const expiresMs = batch <= SMALL.batch ? SMALL.expiresMs : EXPIRES_MS;
    const request = { batch, expires: nanos(expiresMs), idle_heartbeat: nanos(HEARTBEAT_MS) };
    const subject = `${this.connection.apiPrefix}.CONSUMER.MSG.NEXT.${this.stream}.${this.durable}`;
    nc.publish(subject, JSON.stringify(request), { reply: this.inbox });
  }

  /** Never throws: that would end the client's read loop. */
  private receive(inbox: string, error: Error | null, message: Msg): void {
    try {
      if (error) return this.sink.trouble('a pull failed', { err: error });
      this.heard = true;
      // A status is not to be answered.
      if (!message.reply) return inbox === this.inbox ? this.status(message) : undefined;
      if (this.refusal !== undefined && inbox === this.inbox) this.acceptedAgain();
      this.got = true;
      this.outstanding = Math.max(0, this.outstanding - 1);
      this.sink.deliver(new NatsDelivery(message, this.origin), inbox !== this.inbox);
      this.request();
    } catch (thrown) {
      this.sink.trouble('a delivery could not be taken', { err: thrown });
    }
  }

  private status(message: Msg): void {
    const { headers } = message;
    const code = headers?.code ?? 0;
    const description = headers?.description ?? '';
    switch (code) {
      case 100: // idle heartbeat
        return this.acceptedAgain();
      case 404: // no messages
      case 408: // request timeout
        this.acceptedAgain();
        this.expired(Number(headers?.get('Nats-Pending-Messages') || this.outstanding));
        return this.request();
      case 503: // no responders
        return this.lost('the server does not know the consumer');
      case 409:
        if (/consumer deleted|push based/i.test(description)) return this.lost(description);
    }
    // Those pass by themselves, and the connection tells of them once for all; of the rest the operator should know.
    if (!/server shutdown|leadership change/i.test(description)) this.refuse(`${code} ${description}`.trim());
    const limit = Number(/MaxRequestBatch of (\d+)/i.exec(description)?.[1] ?? 0);
    if (limit > 0) this.largestBatch = limit;
    this.retryLater();
  }

  private refuse(reason: string): void {
    const isFirst = this.refusal === undefined;
    if (this.refusal === reason) return;
    this.refusal = reason;
    // An older request may still wait: its signs of life say nothing of newer ones.
    if (isFirst) this.leaveRequests();
    this.sink.refused(reason);
  }

  private acceptedAgain(): void {
    if (this.refusal === undefined) return;
    this.refusal = undefined;
    this.sink.served();
  }

  /** The server knows requests by their inbox: a new inbox leaves them behind. What is under way still arrives. */
  private leaveRequests(): void {
    const left = this.subscription;
    if (!left) return;
    this.listen();
    if (left.isClosed()) return;
    left.drain().catch((error: unknown) => this.sink.trouble('a pull could not be ended', { err: error }));
  }

  private expired(count: number): void {
    this.outstanding = Math.max(0, this.outstanding - count);
  }

  /**
   * Meanwhile the consumer or its stream may have been lost: nothing is pulled before the sink has
   * looked. A look that is under way may wait for an answer that was lost with the connection.
   */
  private lookAgain(): void {
    this.connection.ackWriter.flush();
    this.missing = true;
    this.outstanding = 0;
    this.sink.returned();
  }

  private lost(why: string): void {
    if (this.missing) return;
    this.missing = true;
    this.outstanding = 0;
    this.sink.gone(why);
  }

  /** Looks whether it has stopped, for whatever reason; called every now and then. So it goes on within some 18 s. */
  watch(): void {
    if (!this.connection.connected || this.missing) return;
    // With room and nothing asked for, it should have asked.
    if (this.outstanding === 0) return this.request();
    if (this.heard) {
      this.heard = false;
      this.silenceTold = false;
      this.heardAtMs = performance.now();
      return;
    }
    const silentMs = performance.now() - this.heardAtMs;
    if (silentMs < SILENT_AFTER_MS) return;
    if (!this.silenceTold) {
      this.sink.trouble('the server fell silent; pulling anew', { silentMs: Math.round(silentMs) });
    }
    this.silenceTold = true;
    this.lookAgain();
  }

  private retryLater(): void {
    this.outstanding = 0;
    this.retryTimer ??= setTimeout(() => this.startOver(), RETRY_MS);
  }

  private startOver(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.outstanding = 0;
    this.request();
  }
}
