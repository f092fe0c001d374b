import { randomUUID } from 'node:crypto';
import type { Logger } from '../../sdk';
import type { Time, Timer } from '../base/time';
import { Conflict, type Entry, type KeyValue } from '../records/key-value';
import type { ExclusiveHandler } from './rebalance';

const TICK_MS = 1_000;
/** A host may use the lease for so long from the moment at which it sent the last renewal that was confirmed. */
const VALID_MS = 4_000;
/** A lease is free when it was not renewed for so long. It is longer, because a host sees a renewal late. */
const EXPIRES_MS = 6_000;

/** The part of a host that a lease allows to run its handler. */
export interface LeaseUser {
  /**
   * Called when this host gets the lease, and at each renewal.
   * @param untilMs until when the lease is valid, by the host's monotonic clock
   * @param isTakeover whether another host may have had the lease before
   */
  granted(untilMs: number, isTakeover: boolean): void;
  /** Called when another host has the lease. */
  lost(): void;
  /** Stops the handler in this host. Resolves with whether nothing of it runs any more; otherwise it continues. */
  handOver(): Promise<boolean>;
}

export interface LeaseOptions {
  /** The name of the handler's durable. */
  readonly durable: string;
  readonly records: Pick<KeyValue, 'get' | 'put' | 'delete'>;
  readonly time: Time;
  readonly log: Logger;
}

/**
 * The lease of a handler that runs on one host at a time: a record that its holder renews every second. It covers the
 * handler's durables together, which the pins of the durables could not: each durable has a pin of its own, and gives it
 * only with an event. Only spans of each host's own clock are compared, so the clocks of the hosts may differ.
 */
export class HandlerLease implements ExclusiveHandler {
  readonly name: string;
  /** Whether no host had the lease when this host has last looked. */
  isOrphan = false;
  private readonly key: string;
  private readonly host: string = randomUUID();
  /** The revision of this host's last renewal; undefined while this host does not have the lease. */
  private revision: number | undefined;
  /** The revision that another host has written, and when this host saw it first. */
  private seen: { readonly revision: number; readonly atMs: number } | undefined;
  private mayTake = true;
  private isLeaving = false;
  private timer: Timer | undefined;
  private ticking: Promise<void> | undefined;

  constructor(
    private readonly options: LeaseOptions,
    private readonly user: LeaseUser,
  ) {
    this.name = options.durable;
    this.key = `lease.${options.durable}`;
  }

  get isHeld(): boolean {
    return this.revision !== undefined;
  }

  start(): void {
    this.timer = this.options.time.every(TICK_MS, () => this.tick());
    this.tick();
  }

  standBy(mayTake: boolean): void {
    this.mayTake = mayTake;
  }

  async handOver(): Promise<void> {
    this.isLeaving = true;
    try {
      if (await this.user.handOver()) await this.release();
    } finally {
      this.isLeaving = false;
    }
  }

  /** Gives up the lease. Call it when nothing of the handler runs in this host any more. */
  async stop(): Promise<void> {
    this.timer?.cancel();
    await this.release();
  }

  private tick(): void {
    this.ticking ??= this.check().finally(() => (this.ticking = undefined));
  }

  /** Renews the lease, or takes it if it is free. */
  private async check(): Promise<void> {
    try {
      if (this.isHeld) await this.renew();
      else await this.look();
    } catch (error) {
      // The lease of this host ends by itself when it is not renewed.
      const { log, durable } = this.options;
      log.debug('the lease of a handler with a rate could not be checked', { durable, err: error });
    }
  }

  private async renew(): Promise<void> {
    try {
      await this.write(this.revision!, false);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const entry = await this.options.records.get(this.key);
      // A renewal that was not confirmed may have been stored.
      if (entry?.value === this.host) this.revision = entry.revision;
      else this.lose();
    }
  }

  private async look(): Promise<void> {
    const entry = await this.options.records.get(this.key);
    this.isOrphan = !entry || this.isFree(entry);
    if (!this.isOrphan || !this.mayTake || this.isLeaving) return;
    try {
      await this.write(entry?.revision ?? 0, entry !== undefined);
      this.seen = undefined;
      this.isOrphan = false;
    } catch (error) {
      // Another host was faster.
      if (!(error instanceof Conflict)) throw error;
    }
  }

  /** Whether no host has the lease. */
  private isFree({ value, revision }: Entry): boolean {
    if (value === undefined || value === this.host) return true;
    const nowMs = this.options.time.nowMs();
    if (this.seen?.revision !== revision) this.seen = { revision, atMs: nowMs };
    return nowMs - this.seen.atMs >= EXPIRES_MS;
  }

  private async write(expected: number, isTakeover: boolean): Promise<void> {
    const { records, time } = this.options;
    const sentAtMs = time.nowMs();
    this.revision = await records.put(this.key, this.host, expected);
    if (!this.isLeaving) this.user.granted(sentAtMs + VALID_MS, isTakeover);
  }

  private lose(): void {
    this.revision = undefined;
    this.user.lost();
  }

  private async release(): Promise<void> {
    await this.ticking;
    const { revision } = this;
    this.revision = undefined;
    if (revision === undefined) return;
    try {
      await this.options.records.delete(this.key, revision);
    } catch (error) {
      const { log, durable } = this.options;
      log.warn('the lease of a handler with a rate could not be given up; it ends by itself', { durable, err: error });
    }
  }
}
