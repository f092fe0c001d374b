import type { DurablePull, PullSink } from '../broker/pull';
import type { Msg } from './client';
import type { Connection } from './connection';
import { DeliverySource, NatsDelivery } from './nats-delivery';
import { PullRefusal } from './pull-refusal';
import { HEARTBEAT_MS, PullRequests } from './pull-requests';
import { PullSilence } from './pull-silence';
import { readStatus } from './pull-status';

const SILENT_AFTER_MS = 2.5 * HEARTBEAT_MS;
const RETRY_MS = 500;
/** The maximum number of requests at once. The server takes up to 512 waiting requests of a durable, from all hosts. */
const MAX_REQUESTS = 50;

/**
 * Pulls a durable's messages by the protocol of ADR-37: requests as many messages as the sink can take, and again when
 * requests end, the connection returns or the server falls silent. The client's own `consume()` was seen to stop for
 * good after missed heartbeats, and it requests more without knowing how many deliveries the sink still holds.
 */
export class Pull implements DurablePull {
  protected readonly requests: PullRequests;
  private readonly silence = new PullSilence(SILENT_AFTER_MS);
  /** The number of messages that were requested and have not arrived. */
  private outstanding = 0;
  /** The number of messages that one request may ask for, if the server limits it. */
  private largestBatch = Infinity;
  protected paused = false;
  /** Whether nothing is requested because the durable does not exist, or because the sink has to check it first. */
  protected missing = false;
  /** The part that all deliveries have in common. */
  protected source: DeliverySource;
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly refusal: PullRefusal;
  /** Whether a message arrived since the last {@link nudge}, and whether a request was idle at the one before. */
  private arrived = false;
  private wasIdle = false;
  private unwatch = (): void => undefined;

  constructor(
    protected readonly connection: Connection,
    stream: string,
    durable: string,
    private readonly sink: PullSink,
  ) {
    this.refusal = new PullRefusal(sink);
    this.source = new DeliverySource(connection.ackWriter);
    this.requests = new PullRequests(connection, stream, durable, {
      receive: (message, isCurrent) => this.receive(message, isCurrent),
      failed: (message, error) => this.sink.trouble(message, { err: error }),
    });
  }

  start({ suspended = false } = {}): void {
    this.missing = suspended;
    this.requests.open();
    this.unwatch = this.connection.onReconnect(() => this.suspendAndReport());
    this.connection.pulls.add(this);
    this.request();
  }

  request(): void {
    if (this.paused || this.missing || this.retryTimer) return;
    const { capacity } = this;
    const wanted = capacity - this.outstanding;
    // A small request costs as much as a large one, so wait until half of the sink's capacity is free.
    if (wanted <= 0 || (this.outstanding > 0 && wanted < capacity / 2)) return;
    if (this.outstanding === 0) this.silence.start();
    for (let left = wanted, n = 0; left > 0 && n < MAX_REQUESTS; n++) {
      const batch = Math.min(left, this.largestBatch);
      this.outstanding += batch;
      this.send(batch);
      left -= batch;
    }
  }

  pause(): void {
    if (!this.requests.isOpen) return;
    this.paused = true;
    this.outstanding = 0;
    this.requests.leave();
  }

  probe(): void {
    if (this.requests.isOpen && this.connection.connected) this.send(1);
  }

  resume(): void {
    this.paused = false;
    if (this.requests.isOpen) this.startOver();
  }

  suspend(): void {
    this.missing = true;
    this.requests.leave();
  }

  renew(): void {
    if (this.paused || this.missing || !this.requests.isOpen) return;
    this.requests.leave();
    this.largestBatch = Infinity;
    this.startOver();
  }

  nudge(): void {
    const isIdle = !this.arrived && this.outstanding > 0;
    if (isIdle && this.wasIdle) this.renew();
    this.wasIdle = isIdle;
    this.arrived = false;
  }

  found(): void {
    this.missing = false;
    this.largestBatch = Infinity;
    this.startOver();
  }

  disown(): void {
    this.source.lost = true;
    this.source = new DeliverySource(this.connection.ackWriter);
  }

  async stop(): Promise<void> {
    this.paused = true;
    this.missing = false;
    this.connection.pulls.remove(this);
    clearTimeout(this.retryTimer);
    this.unwatch();
    await this.requests.close();
  }

  /** Recovers a pull that has stopped for any reason, within some 18 s. The connection calls it every few seconds. */
  watch(): void {
    if (!this.connection.connected || this.missing) return;
    // If the sink can take messages and none is requested, a request is overdue.
    if (this.outstanding === 0) return this.request();
    const silence = this.silence.check();
    if (!silence) return;
    if (silence.isNew) {
      const silentMs = Math.round(silence.silentMs);
      this.sink.trouble('no heartbeat from the server; sending new pull requests', { silentMs });
    }
    this.suspendAndReport();
  }

  private receive(message: Msg, isCurrent: boolean): void {
    this.silence.hear();
    // A status has no reply subject, because it is not to be acknowledged.
    if (!message.reply) return isCurrent ? this.takeStatus(message) : undefined;
    if (isCurrent) this.refusal.accepted();
    this.arrived = true;
    if (!this.accepts(message, isCurrent)) return;
    this.outstanding = Math.max(0, this.outstanding - 1);
    this.sink.deliver(new NatsDelivery(message, this.source), !isCurrent);
    this.request();
  }

  /** The number of messages that may be under way to the sink. */
  protected get capacity(): number {
    return this.sink.capacity();
  }

  protected send(batch: number): void {
    this.requests.send(batch);
  }

  /** Whether a message is one for the sink. */
  protected accepts(_message: Msg, _isCurrent: boolean): boolean {
    return true;
  }

  /** Called when the server says that another host has the pin. Returns whether the pull has stood by for it. */
  protected losesPin(): boolean {
    return false;
  }

  private takeStatus(message: Msg): void {
    const status = readStatus(message);
    switch (status.kind) {
      case 'heartbeat':
        return this.refusal.accepted();
      case 'ended':
        this.refusal.accepted();
        this.outstanding = Math.max(0, this.outstanding - (status.undelivered ?? this.outstanding));
        return this.request();
      case 'gone':
        return this.lose(status.why);
      case 'refused':
        // The heartbeats of an older request would look as if the server had taken the new one.
        if (this.refusal.refused(status.reason)) this.requests.leave();
        this.largestBatch = status.largestBatch ?? this.largestBatch;
        break;
      default:
        if (status.kind === 'unpinned' && this.losesPin()) return;
    }
    this.outstanding = 0;
    this.retryTimer ??= setTimeout(() => this.startOver(), RETRY_MS);
  }

  /** Stops requesting until the sink has checked that the durable and its stream still exist. */
  private suspendAndReport(): void {
    this.connection.ackWriter.flush();
    this.missing = true;
    this.sink.returned();
  }

  private lose(why: string): void {
    if (this.missing) return;
    this.missing = true;
    this.sink.gone(why);
  }

  protected startOver(): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    this.outstanding = 0;
    this.request();
  }
}
