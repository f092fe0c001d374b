import type { Time, Timer } from '../base/time';
import type { Delivery } from '../broker/delivery';
import type { DurablePin, PinSink } from '../broker/pull';
import { PIN_GROUP, PIN_TIMEOUT_MS } from './pin-config';

/** The header of a message to the host that has the pin. */
export const PIN_HEADER = 'nats-pin-id';
/** The status of a request with a pin that the server has given to another host, or to none. */
export const PIN_LOST = 423;

const KEEP_MS = PIN_TIMEOUT_MS / 4;
/** A host gives up the pin of a durable that has delivered nothing for this long, so that idle handlers cost nothing. */
const IDLE_MS = 15_000;

/** The server of a pinned durable. */
export interface PinServer {
  /** Whether the host has a connection, so that the server may answer. */
  readonly isConnected: boolean;
  /** Renews the pin. Resolves with false if the server has given it to another host, or to none. */
  renew(id: string): Promise<boolean>;
  /** Takes the pin from the host that has it. The server gives the pin to the next request that waits. */
  unpin(): Promise<void>;
}

export interface PullPinOptions {
  readonly server: PinServer;
  readonly time: Time;
  readonly sink: PinSink;
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
  private timer: Timer | undefined;
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
   * Takes the pin with the first message to this host. The sink may take messages only when it has found out which ones
   * other hosts have handled, so this message is delivered again. So is a late message of a pin that this host has lost,
   * because older events may have been delivered again since.
   * @returns whether the message is for the sink
   */
  accepts(message: Pick<Delivery, 'header' | 'nak'>): boolean {
    const id = message.header(PIN_HEADER);
    if (id !== undefined && id === this.id) {
      this.delivered();
      return true;
    }
    message.nak();
    if (id === undefined) this.options.sink.absent();
    else if (!this.isHeld && id !== this.former) this.take(id);
    return false;
  }

  /** Notes that a request with the pin was sent. */
  requested(): void {
    this.requestedAtMs = this.options.time.nowMs();
  }

  /** Notes that a message with the pin has arrived. */
  delivered(): void {
    this.deliveredAtMs = this.options.time.nowMs();
  }

  standBy(mayTake: boolean): void {
    if (mayTake === this.mayTake) return;
    this.mayTake = mayTake;
    if (!this.isHeld) this.options.changed();
  }

  async confirm(): Promise<boolean> {
    const { id } = this;
    if (id !== undefined && !(await this.options.server.renew(id)) && this.id === id) this.lose();
    return this.isHeld;
  }

  lose(): void {
    if (!this.isHeld) return;
    this.drop();
    this.options.sink.lost();
  }

  async release(): Promise<void> {
    const { server } = this.options;
    if (!this.isHeld) return;
    this.drop();
    if (server.isConnected) await server.unpin();
  }

  countRedelivered(upTo: number): void {
    this.options.countRedelivered(upTo);
  }

  private take(id: string): void {
    const { time, sink } = this.options;
    this.id = id;
    this.requestedAtMs = this.deliveredAtMs = time.nowMs();
    this.timer = time.every(KEEP_MS, () => void this.keep());
    sink.taken();
  }

  private drop(): void {
    this.former = this.id;
    this.id = undefined;
    this.timer?.cancel();
  }

  private async keep(): Promise<void> {
    const { server, time, sink } = this.options;
    if (!this.isHeld || !server.isConnected) return;
    const nowMs = time.nowMs();
    if (sink.isBusy()) this.deliveredAtMs = nowMs;
    if (nowMs - this.deliveredAtMs >= IDLE_MS) return this.releaseIdle();
    if (nowMs - this.requestedAtMs < KEEP_MS / 2) return;
    try {
      await this.confirm();
    } catch {
      // The pull's own requests show that the durable or the server is gone.
    }
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
