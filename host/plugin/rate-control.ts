import type { PartedLog } from '../log/log';
import type { DurableSpec } from '../broker/durable';
import type { Intake } from '../message/intake/intake';
import type { DurableFeed } from './durable-feed';
import { HandlerLease, type LeaseUser } from './handler-lease';
import type { PluginHost } from './plugin-host';
import { HAND_OVER_MS } from './rebalance';

export interface RateControlOptions {
  readonly durable: DurableSpec;
  readonly feeds: readonly Pick<DurableFeed, 'pinned' | 'leave' | 'takeBackRequests'>[];
  readonly intake: Pick<Intake, 'pace' | 'releaseQueued' | 'drain' | 'reopen'>;
}

/**
 * Makes one host at a time run a handler with a rate, because one host can count the begins of its events exactly. The
 * other hosts request none.
 */
export class RateControl implements LeaseUser {
  private readonly lease: HandlerLease | undefined;

  constructor(
    private readonly options: RateControlOptions,
    private readonly host: Pick<PluginHost, 'rebalance' | 'records' | 'time'>,
    private readonly log: PartedLog,
  ) {
    const { durable } = options.durable;
    // Where there is only one host, it needs no lease.
    if (host.rebalance) this.lease = new HandlerLease({ ...host, durable, log }, this);
  }

  /** Whether this host is the one that runs the handler. */
  get isHeld(): boolean {
    return this.lease?.isHeld ?? true;
  }

  start(): void {
    if (!this.lease) return this.granted(Infinity, false);
    this.lease.start();
    this.host.rebalance!.add(this.lease);
  }

  granted(untilMs: number, isTakeover: boolean): void {
    const { intake, feeds } = this.options;
    if (isTakeover) this.log.info('this host runs a handler with a rate', this.about);
    intake.pace!.grant(untilMs, isTakeover);
    for (const feed of feeds) feed.pinned?.standBy(true);
  }

  lost(): void {
    this.log.info('another host runs a handler with a rate', this.about);
    this.standBy();
    for (const { pinned } of this.options.feeds) if (pinned?.isHeld) pinned.standAside();
  }

  async handOver(): Promise<boolean> {
    const { intake, feeds } = this.options;
    this.standBy();
    const isDrained = await intake.drain(HAND_OVER_MS);
    if (isDrained) await this.leaveFeeds();
    intake.reopen();
    if (!isDrained) for (const { pinned } of feeds) pinned?.keep();
    return isDrained;
  }

  /** Lets another host run the handler. Call it when nothing of the handler runs in this host any more. */
  async stop(): Promise<void> {
    if (!this.lease) return;
    this.host.rebalance!.remove(this.lease);
    await this.lease.stop();
  }

  private standBy(): void {
    const { intake, feeds } = this.options;
    for (const feed of feeds) feed.pinned?.standBy(false);
    intake.pace!.revoke();
    intake.releaseQueued();
    for (const feed of feeds) feed.takeBackRequests();
  }

  private async leaveFeeds(): Promise<void> {
    for (const feed of this.options.feeds) {
      try {
        if (feed.pinned?.isHeld) await feed.leave();
      } catch (error) {
        // The server takes back a pin that is not renewed.
        this.log.warn('a handler could not be handed over cleanly to another host', { ...this.about, err: error });
      }
    }
  }

  private get about(): object {
    const { durable, owner } = this.options.durable;
    return { handler: owner.handler, durable };
  }
}
