import type { DurablePin } from '../broker/pull';
import type { Connection } from './connection';
import { PIN_GROUP, PIN_TIMEOUT_MS } from './pin-config';
import { unpin } from './pins';

/** The header of a message to the host that has the pin. */
export const PIN_HEADER = 'nats-pin-id';
/** The status of a request with a pin that the server has given to another host, or to none. */
export const PIN_LOST = 423;

const KEEP_MS = PIN_TIMEOUT_MS / 4;
/** A host gives up the pin of a durable that has delivered nothing for this long, so that idle handlers cost nothing. */
const IDLE_MS = 15_000;

export interface PullPinOptions {
  readonly connection: Connection;
  readonly stream: string;
  readonly durable: string;
  /** Whether the host holds deliveries of the durable. */
  isBusy(): boolean;
  /** Called when the pin is not this host's any more. */
  lost(): void;
  /** Called when the pull has to send its requests again, because it asks for the pin now, or does not any more. */
  changed(): void;
  countRedelivered(upTo: number): void;
}

/**
 * The pin of one durable: the host that has it gets all messages (ADR-42). Only a new request with the pin renews it, so
 * the host sends a small request every second, which the server answers at once.
 */
export class PullPin implements DurablePin {
  private id: string | undefined;
  /** The pin that this host has lost or given up last. Messages of it may still arrive. */
  private former: string | undefined;
  private mayTake = true;
  private timer: NodeJS.Timeout | undefined;
  private requestedAtMs = 0;
  private deliveredAtMs = 0;

  constructor(private readonly options: PullPinOptions) {}

  get isHeld(): boolean {
    return this.id !== undefined;
  }

  /** How many messages the pull may request while it does not have the pin. */
  get capacity(): number {
    return this.mayTake ? 1 : 0;
  }

  /** The fields of a pull request. */
  get fields(): { readonly group: string; readonly id?: string } {
    return { group: PIN_GROUP, ...(this.id !== undefined && { id: this.id }) };
  }

  /**
   * Takes the pin that a message has.
   * @returns false for a late message of a pin that this host has lost
   */
  take(id: string): boolean {
    if (id === this.former) return false;
    this.id = id;
    this.requestedAtMs = this.deliveredAtMs = performance.now();
    this.timer = setInterval(() => this.keep(), KEEP_MS).unref();
    return true;
  }

  /** Notes that a request with the pin was sent. */
  requested(): void {
    this.requestedAtMs = performance.now();
  }

  delivered(): void {
    this.deliveredAtMs = performance.now();
  }

  standBy(mayTake: boolean): void {
    if (mayTake === this.mayTake) return;
    this.mayTake = mayTake;
    if (!this.isHeld) this.options.changed();
  }

  lose(): void {
    if (!this.isHeld) return;
    this.drop();
    this.options.lost();
  }

  async release(): Promise<void> {
    const { connection, stream, durable } = this.options;
    if (!this.isHeld) return;
    connection.ackWriter.flush();
    this.drop();
    if (connection.connected) await unpin(connection, stream, durable);
  }

  countRedelivered(upTo: number): void {
    this.options.countRedelivered(upTo);
  }

  private drop(): void {
    this.former = this.id;
    this.id = undefined;
    clearInterval(this.timer);
  }

  private keep(): void {
    const { connection, stream, durable, isBusy } = this.options;
    if (!connection.connected) return;
    const nowMs = performance.now();
    if (isBusy()) this.deliveredAtMs = nowMs;
    if (nowMs - this.deliveredAtMs >= IDLE_MS) return void this.releaseIdle();
    if (nowMs - this.requestedAtMs < KEEP_MS / 2) return;
    const { id } = this;
    // No message is as small as one byte, so the server delivers none for this request.
    const request = { batch: 1, max_bytes: 1, no_wait: true, ...this.fields };
    connection.requests
      .ask(`${connection.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${durable}`, JSON.stringify(request), (answer) => {
        if (answer.headers?.code === PIN_LOST && this.id === id) this.lose();
      })
      .catch(() => undefined); // The pull's own requests show that the durable or the server is gone.
  }

  private async releaseIdle(): Promise<void> {
    try {
      await this.release();
    } catch {
      // The server takes back a pin that is not renewed.
    }
    this.options.changed();
  }
}
