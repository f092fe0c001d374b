import type { DurablePosition, DurableSpec } from '../broker/durable';
import type { DurablePin, DurablePull } from '../broker/pull';
import type { PartedLog } from '../log/log';
import type { Intake } from '../message/intake/intake';
import type { DurableCondition } from './durable-condition';
import type { FeedTarget } from './feed-target';
import type { PluginHost } from './plugin-host';
import { HAND_OVER_MS, type ExclusiveHandler } from './rebalance';

export interface PinnedFeedOptions {
  readonly durable: DurableSpec;
  /** Whether a lease decides which host runs the handler, and not the pin of the durable. Default false. */
  readonly isLeased?: boolean | undefined;
  readonly pull: DurablePull;
  readonly pin: DurablePin;
  readonly intake: Intake;
  readonly target: FeedTarget;
  readonly condition: Pick<DurableCondition, 'isOrphan'>;
}

/** The part of a feed for a pinned durable: this host takes it over from another one, and hands it over. */
export class PinnedFeed implements ExclusiveHandler {
  readonly name: string;
  private hasReportedOldServer = false;
  private isInGroup = false;

  constructor(
    private readonly options: PinnedFeedOptions,
    private readonly host: Pick<PluginHost, 'broker' | 'commits' | 'rebalance'>,
    private readonly log: PartedLog,
  ) {
    this.name = options.durable.durable;
  }

  get isHeld(): boolean {
    return this.options.pin.isHeld;
  }

  get isOrphan(): boolean {
    return this.options.condition.isOrphan;
  }

  /** Makes this host one of those that share out the handler. */
  joinGroup(): void {
    if (this.isInGroup) return;
    this.isInGroup = true;
    if (this.options.isLeased) this.standBy(false);
    else this.host.rebalance?.add(this);
  }

  leaveGroup(): void {
    this.isInGroup = false;
    this.host.rebalance?.remove(this);
  }

  standBy(mayTake: boolean): void {
    this.options.pin.standBy(mayTake);
  }

  /**
   * Takes over the events that other hosts have not settled, in the order of the stream: reads everything that they have
   * committed, makes them unable to commit more, and has the server deliver again from the first unsettled event on.
   * @returns false if the server is older than 2.14 and does not deliver again in order
   */
  async takeOver({ delivered }: DurablePosition): Promise<boolean> {
    const { durable, pin, target } = this.options;
    const { settlements } = target;
    // After a lost connection the server may have given the pin to another host, which a claim would stop.
    if (!(await pin.confirm())) return true;
    // The host reads the claims of other hosts before its own.
    settlements.claimedElsewhere = (): void => undefined;
    const log = await this.host.commits.get(durable.owner.plugin)?.find();
    // The next host has the pin if this one has lost it meanwhile. A claim or a reset would stop that host.
    if (log && !(await log.claim(durable.durable, () => pin.isHeld))) pin.lose();
    if (!pin.isHeld) return true;
    settlements.claimedElsewhere = () => pin.lose();
    if (!(await this.host.broker.pins!.reset(durable))) {
      this.reportOldServer();
      return false;
    }
    // The reset has set the counts of deliveries and the consumer's sequence back.
    settlements.forgetDeliveries();
    pin.countRedelivered(delivered);
    return true;
  }

  /** Leaves the events to other hosts, because this host must not use the durable. */
  standAside(): void {
    const { pull, intake } = this.options;
    intake.drop();
    pull.disown();
    void this.release();
  }

  /** Takes over the events once more, after queued ones were released: they would be delivered in another order. */
  keep(): void {
    this.options.pull.renew();
  }

  /** Gives up the pin, so that another host gets it at once. */
  async release(): Promise<void> {
    try {
      await this.options.pin.release();
    } catch (error) {
      // The server takes back a pin that is not renewed.
      this.log.debug('cannot give up the pin of a durable consumer', { durable: this.name, err: error });
    }
  }

  /** Lets another host take over the durable, if the runs end soon enough. */
  async handOver(): Promise<void> {
    const { pull, pin, intake, target, durable } = this.options;
    pull.pause();
    try {
      if (await intake.drain(HAND_OVER_MS)) {
        await target.settlements.flush();
        await pin.release();
      }
    } catch (error) {
      this.log.warn('a handler could not be handed over to another host', {
        handler: durable.owner.handler,
        err: error,
      });
    }
    intake.reopen();
    // If this host keeps the handler, it takes the released events once more: the server would deliver them again in the
    // order in which their delays end.
    pull.resume();
  }

  private reportOldServer(): void {
    if (this.hasReportedOldServer) return;
    this.hasReportedOldServer = true;
    const { handler } = this.options.durable.owner;
    this.log.info('a handler with a key runs on this host only; NATS before 2.14 may change the order at a takeover', {
      handler,
    });
  }
}
