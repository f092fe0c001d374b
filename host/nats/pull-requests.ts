import { setTimeout as sleep } from 'node:timers/promises';
import { nanos, type Msg, type Subscription } from './client';
import type { Connection } from './connection';

/**
 * The time after which a large request ends. It is short, because the messages of a request arrive even if the handler
 * has become slow in the meantime.
 */
const EXPIRES_MS = 30_000;
/**
 * The largest request that counts as small, and the time after which it ends. It is long, because every idle handler of
 * a host renews its request. Heartbeats show that the server has the request.
 */
const SMALL = { batch: 100, expiresMs: 120_000 };
/** How often the server sends a heartbeat while a request waits. */
export const HEARTBEAT_MS = 5_000;
/**
 * The maximum time to wait for messages in flight, because a server that hangs never reports that it has sent
 * everything.
 */
const DRAIN_MS = 5_000;

export interface PullReceiver {
  /**
   * Receives a message.
   * @param isCurrent false for a message to an inbox that was left
   */
  receive(message: Msg, isCurrent: boolean): void;
  failed(message: string, error: unknown): void;
}

/** Sends the pull requests of a durable, and receives the server's messages on an inbox of its own. */
export class PullRequests {
  private subscription: Subscription | undefined;
  private inbox = '';

  constructor(
    private readonly connection: Connection,
    private readonly stream: string,
    private readonly durable: string,
    private readonly receiver: PullReceiver,
  ) {}

  get isOpen(): boolean {
    return this.subscription !== undefined;
  }

  open(): void {
    const inbox = this.connection.newInbox();
    this.inbox = inbox;
    this.subscription = this.connection.nc.subscribe(inbox, {
      callback: (error, message) => {
        // A throw here would end the client's read loop.
        try {
          if (error) this.receiver.failed('pull subscription failed', error);
          else this.receiver.receive(message, inbox === this.inbox);
        } catch (thrown) {
          this.receiver.failed('cannot take a delivery', thrown);
        }
      },
    });
  }

  /** @param pin the fields of a request to a pinned durable. Default: none */
  send(batch: number, pin?: object): void {
    const { nc } = this.connection;
    if (nc.isClosed()) return;
    // The client drops a subscription that the server does not permit. The subscription may be permitted by now.
    if (this.subscription?.isClosed()) this.open();
    const expiresMs = batch <= SMALL.batch ? SMALL.expiresMs : EXPIRES_MS;
    const request = { batch, expires: nanos(expiresMs), idle_heartbeat: nanos(HEARTBEAT_MS), ...pin };
    const subject = `${this.connection.apiPrefix}.CONSUMER.MSG.NEXT.${this.stream}.${this.durable}`;
    nc.publish(subject, JSON.stringify(request), { reply: this.inbox });
  }

  /**
   * Ends the waiting requests by taking a new inbox, because the server knows requests by their inbox. Messages in
   * flight still arrive from a single server. In a cluster those that another server has sent are lost, and delivered
   * again after their ack wait.
   */
  leave(): void {
    const left = this.subscription;
    if (!left) return;
    this.open();
    if (left.isClosed()) return;
    left.drain().catch((error: unknown) => this.receiver.failed('cannot end a pull request', error));
  }

  /** Resolves when all messages in flight have been received. */
  async close(): Promise<void> {
    const { subscription } = this;
    this.subscription = undefined;
    if (!subscription || subscription.isClosed()) return;
    if (this.connection.connected)
      await Promise.race([subscription.drain(), sleep(DRAIN_MS, undefined, { ref: false })]);
    if (!subscription.isClosed()) subscription.unsubscribe();
  }
}
