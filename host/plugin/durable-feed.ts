import type { DurablePosition, DurableSpec } from '../broker/durable';
import type { Delivery } from '../broker/delivery';
import type { DurablePull, PullSink } from '../broker/pull';
import type { PartedLog } from '../log/log';
import type { Intake } from '../message/intake/intake';
import { DeliveryFilter } from './delivery-filter';
import { DurableCondition } from './durable-condition';
import { DurableRepair } from './durable-repair';
import { FeedTarget, type FeedTargetOptions } from './feed-target';
import { MissingEvents } from './missing-events';
import { PinnedFeed } from './pinned-feed';
import type { PluginHost } from './plugin-host';
import { UnreadableRecords } from './unreadable-records';

/** The delay of the redelivery of a delivery that arrives too early. The host checks the durable in the meantime. */
const CHECK_DELAY_MS = 2_000;

export interface DurableFeedOptions extends FeedTargetOptions {
  /**
   * Whether events of one key must keep their order, so that later events wait for the redelivery of unsettled ones.
   */
  readonly keepsOrder: boolean;
  /** Whether a lease decides which host runs the handler, and not the pin of the durable. Default false. */
  readonly isLeased?: boolean | undefined;
  /**
   * Called for each delivery. Returns the delivery for the intake, or undefined if the function has nacked or settled
   * the delivery itself.
   */
  accept(delivery: Delivery): Delivery | undefined;
}

/**
 * Feeds a handler's intake from one durable: the durable of the handler's stream, or the durable of the handler's retry
 * queue.
 */
export class DurableFeed {
  /** The reasons why the durable delivers nothing. */
  readonly condition: DurableCondition;
  private readonly durable: DurableSpec;
  readonly pull: DurablePull;
  private readonly filter: DeliveryFilter;
  private readonly target: FeedTarget;
  private readonly repair: DurableRepair;
  /** Set for a pinned durable. */
  readonly pinned: PinnedFeed | undefined;
  private readonly missing: MissingEvents;
  /** Whether this host leaves the events to other hosts. */
  private isAside = false;
  private unwatch: (() => void) | undefined;

  constructor(
    private readonly options: DurableFeedOptions,
    private readonly intake: Intake,
    private readonly host: PluginHost,
    private readonly log: PartedLog,
  ) {
    const { durable } = options;
    this.durable = durable;
    this.condition = new DurableCondition(durable, log, host.time);
    this.filter = new DeliveryFilter(durable);
    this.target = new FeedTarget(options, host.broker, log);
    this.pull = host.broker.pull(durable.stream, durable.durable, this.sink());
    const { pull, target, condition } = this;
    this.missing = new MissingEvents({ durable, intake, pull, isRepaired: () => this.repair.isSuspended }, host);
    const { pin } = pull;
    this.pinned = pin && new PinnedFeed({ ...options, pull, pin, intake, target, condition }, host, log);
    this.repair = new DurableRepair(
      {
        durable,
        condition: this.condition,
        pull: this.pull,
        settlements: (isOver) => this.target.currentSettlements(isOver, () => this.pull.disown()),
        isSameDurable: ({ checkpoint }) => this.target.settlements.confirm(checkpoint),
        unreadable: new UnreadableRecords(() => this.target.settlements, host.commits, durable.owner.plugin),
        refused: () => this.standAside(),
        usable: (position) => this.takeUnsettled(position),
      },
      host,
    );
  }

  /** Whether the feed waits for the redelivery of older events, so that the events of one key are handled in order. */
  get isWaitingForRedeliveries(): boolean {
    return this.missing.areAwaited;
  }

  /** Whether the feed's durable is gone and not created again yet, or may be gone and was not checked yet. */
  get isMissing(): boolean {
    return this.repair.isMissing;
  }

  /** Starts to pull. */
  start(): void {
    const { keepsOrder } = this.options;
    this.unwatch = this.host.broker.watchDurable(this.durable, (look) => this.repair.checked(look));
    if (this.pinned) this.pinned.joinGroup();
    else this.target.settlements.claimedElsewhere = () => this.repair.suspend();
    this.pull.start({ suspended: keepsOrder });
    // The number of unsettled events at the start decides how many redeliveries the feed waits for.
    if (keepsOrder) this.repair.checkFirst();
  }

  /** Uses the handler's new version for later deliveries. */
  renewHandler(): void {
    this.target.renewHandler();
  }

  request(): void {
    this.pull.request();
  }

  /** Takes back the requests for more events than the host can hold, unless that would change the order. */
  takeBackRequests(): void {
    if (!this.options.keepsOrder) this.pull.renew();
  }

  pause(): void {
    this.pull.pause();
  }

  probe(): void {
    this.pull.probe();
  }

  resume(): void {
    this.pull.resume();
  }

  async stop(): Promise<void> {
    this.repair.stop();
    this.unwatch?.();
    this.pinned?.leaveGroup();
    this.missing.cancel();
    await this.pull.stop();
  }

  /**
   * Stores the settlements for the next host, and gives up the pin. Call it when no event of the feed is in flight any
   * more.
   */
  async leave(): Promise<void> {
    await this.target.settlements.flush();
    await this.pinned?.release();
  }

  private sink(): PullSink {
    const { durable, intake, target, condition, log } = this;
    return {
      capacity: () => this.missing.capacity ?? intake.capacity,
      deliver: (delivery, isLate) => this.deliver(delivery, isLate),
      gone: (why) => {
        log.warn('the durable consumer is gone; making it again', { durable: durable.durable, why });
        this.repair.lost({ rereads: true });
      },
      returned: () => this.returned(),
      trouble: (message, details) => log.warn(message, { handler: target.handler.name, ...details }),
      refused: (reason) => condition.refused(reason),
      served: () => condition.served(),
      ...(durable.isPinned && {
        pin: {
          taken: () => this.repair.takeOver(),
          absent: () => this.repair.suspend(),
          lost: () => this.drop(),
          isBusy: () => intake.bufferedOf(target.handler) > 0,
        },
      }),
    };
  }

  /** Leaves the events to other hosts, because this host must not use the durable. */
  private standAside(): void {
    if (this.isAside) return;
    this.isAside = true;
    this.pinned?.leaveGroup();
    if (!this.pinned?.isHeld) return this.intake.releaseQueued();
    this.pinned.standAside();
    this.missing.end();
  }

  /** Drops what other hosts get now. */
  private drop(): void {
    this.intake.drop();
    this.missing.end();
    this.repair.abandon();
    const { durable, owner } = this.durable;
    this.log.info('another host takes over the events of a handler', { handler: owner.handler, durable });
  }

  /** The connection was lost and is back. The durable may have been deleted meanwhile. */
  private returned(): void {
    // A request from before would get an event that must wait for older ones.
    if (this.options.keepsOrder) this.pull.suspend();
    this.repair.lost();
  }

  private deliver(delivery: Delivery, isLate: boolean): void {
    const verdict = this.filter.judge(delivery);
    if (verdict === 'mismatch') return this.refuse(delivery);
    if (verdict === 'unsubscribed') return this.target.skip(delivery);
    // The connection may have lost older events, which this one must not overtake.
    if (this.options.keepsOrder && this.repair.isSuspended) return delivery.nak(CHECK_DELAY_MS);
    // A late delivery, or one that comes while the pull is suspended, may be of a durable that has been deleted since.
    if (!isLate && !this.repair.isSuspended) this.target.settlements.delivered(delivery);
    this.missing.offer(delivery, this.options.accept(delivery), this.target.handler);
  }

  /**
   * Nacks a delivery that arrives because somebody has changed the durable's filter or its `headers_only`, and has the
   * durable corrected.
   */
  private refuse(delivery: Delivery): void {
    delivery.nak(CHECK_DELAY_MS);
    this.repair.suspend();
  }

  /**
   * Takes the events that were delivered before and are not settled: those of other hosts, and those that the connection
   * lost. No later event of their key may be handled before them.
   */
  private async takeUnsettled(position: DurablePosition): Promise<void> {
    const { pinned } = this;
    this.isAside = false;
    pinned?.joinGroup();
    // A version of the plugin in which the handler has a key may have claimed it.
    if (!pinned) this.host.commits.get(this.durable.owner.plugin)?.log?.folded.claims.free(this.durable.durable);
    const isTakenOver = pinned !== undefined && (!pinned.isHeld || (await pinned.takeOver(position)));
    const missing = position.inFlight - this.intake.bufferedOf(this.target.handler);
    // The arrivals that an earlier wait has collected may overtake an event that has not arrived yet.
    if (!isTakenOver && this.options.keepsOrder && missing > 0) this.missing.await(missing);
    else this.missing.end();
  }
}
