import { endsWithin } from '../base/retry-until';
import type { Delivery, MessageRef } from '../broker/delivery';
import type { DurableSpec } from '../broker/durable';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { HandlerCounters } from '../message/counters';
import type { KvAttemptLog } from '../message/failures/attempts';
import type { CircuitBreaker } from '../message/failures/circuit-breaker';
import type { DeliveryState } from '../message/intake/buffered-delivery';
import { Intake } from '../message/intake/intake';
import type { PrefetchBounds } from '../message/intake/prefetch';
import { DurableFeed, type DurableFeedOptions } from './durable-feed';
import { unescapeKey } from '../effects/store-keys';
import { HandlerStatus, type HandlerState, type WaitsFor } from './handler-status';
import { HandlerViews, type HandlerVersion } from './handler-views';
import { OutageControl } from './outage-control';
import type { PluginHost } from './plugin-host';
import { openSettlements, type ReconciledDurable } from './reconcile';
import { RateControl } from './rate-control';
import { RetryFeed } from './retry-feed';

/** How many deliveries are buffered for each concurrent run, until the host has measured the handler's speed. */
const PREFETCH_PER_RUN = 4;
/** The largest prefetch. A larger one makes no handler faster. */
const MAX_PREFETCH = 2_500;

/** How long a stop waits for the removal of the records of attempts. */
const FORGET_MS = 1_000;
/** A handler with a rate buffers what may begin in this time. */
const RATE_HORIZON_MS = 1_000;

/** A key of a store, and how often runs have started again because of it. */
export interface ConflictKey {
  readonly key: string;
  readonly scope?: string;
  readonly conflicts: number;
}

/** A handler that pulls from its durable, as status queries see it. */
export interface ConsumingHandler {
  readonly definition: HandlerDefinition;
  readonly durable: DurableSpec;
  readonly counters: HandlerCounters;
  readonly state: HandlerState;
  /** Why the handler takes no events; undefined while it takes events. */
  readonly waitsFor: WaitsFor | undefined;
  /** The reason in words, if the handler waits because of its durable. */
  readonly reason: string | undefined;
  /** The time until which the handler's durable is paused on the server; undefined if no operator has paused it. */
  readonly pausedUntil: Date | undefined;
  /**
   * Settings of the handler's durable that another host of the deployment has made, such as `ack_wait: 30 s → 15 s`.
   */
  readonly drift: readonly string[];
  /** Whether another host takes the handler's events, of which each runs on one host at a time, or none does. */
  readonly isStandingBy: boolean;
  readonly circuit: Pick<CircuitBreaker, 'outage'>;
  /** The key of the plugin's store that causes most conflicts; undefined if runs start again only rarely. */
  readonly conflictKey: ConflictKey | undefined;
  /** How many events, or batches of events, are being handled. */
  readonly running: number;
  /** Returns the state of an event's delivery in this host; undefined if this host does not have the event. */
  stateOf(event: Pick<MessageRef, 'stream' | 'sequence'>): DeliveryState | undefined;
  /**
   * Stops pulling, nacks the events that have not begun, and waits for those that have.
   * @param graceMs after this time the host also nacks the events that still run
   */
  stop(graceMs: number): Promise<void>;
}

/** Starts to pull a handler's events from its durable. */
export function consume(version: HandlerVersion, reconciled: ReconciledDurable, host: PluginHost): Consumption {
  const consumption = new Consumption(version, reconciled, host);
  consumption.start();
  return consumption;
}

/**
 * A consumption is the part of a host that pulls the events of one handler: the feeds of the handler's durables, and
 * the intake that the events go to. A consumption stays when the handler's version changes.
 */
export class Consumption implements ConsumingHandler {
  readonly counters: HandlerCounters;
  readonly durable: DurableSpec;
  private readonly feeds: DurableFeed[] = [];
  private readonly intake: Intake;
  private readonly outage: OutageControl;
  private readonly views: HandlerViews;
  private readonly retryFeed: RetryFeed;
  private readonly status: HandlerStatus;
  /** Absent if the handler has no rate. */
  private readonly rate: RateControl | undefined;
  private readonly attempts: KvAttemptLog;
  private readonly log;

  constructor(
    version: HandlerVersion,
    reconciled: ReconciledDurable,
    private readonly host: PluginHost,
  ) {
    const { feeds } = this;
    const { plugin, definition } = version;
    const { durable, settlements, attempts, counters } = reconciled;
    this.durable = durable;
    this.attempts = attempts;
    this.counters = counters ?? new HandlerCounters();
    this.log = host.log.child({ plugin: plugin.name });
    this.intake = this.makeIntake(definition);
    this.outage = new OutageControl(
      { ...reconciled, handler: definition.name, feeds, intake: this.intake },
      host,
      this.log,
    );
    const { circuit } = this.outage;
    this.views = new HandlerViews(version, { attempts, circuit, counters: this.counters, log: this.log }, host);
    const keepsOrder = definition.key !== undefined;
    this.addFeed({ durable, settlements, keepsOrder, accept: this.acceptor(keepsOrder) });
    this.retryFeed = new RetryFeed(
      {
        plugin,
        handler: definition.name,
        durable,
        attempts,
        circuit,
        // A deferred event has lost its place in the order already.
        open: (source) => this.startFeed(this.addFeed({ ...source, keepsOrder: false })),
      },
      host,
      this.log,
    );
    if (definition.rate) this.rate = new RateControl({ durable, feeds, intake: this.intake }, host, this.log);
    this.status = new HandlerStatus({
      feeds,
      circuit,
      intake: this.intake,
      logFailure: () => host.commits.get(plugin.name)?.failure,
      code: () => this.views.version.code,
    });
  }

  start(): void {
    this.host.sweep.add(this.intake);
    for (const feed of this.feeds) feed.start();
    this.rate?.start();
    this.outage.start();
    this.retryFeed.start();
  }

  get definition(): HandlerDefinition {
    return this.views.version.definition;
  }

  get circuit(): CircuitBreaker {
    return this.outage.circuit;
  }

  get running(): number {
    return this.intake.running;
  }

  stateOf(event: Pick<MessageRef, 'stream' | 'sequence'>): DeliveryState | undefined {
    return this.intake.stateOf(event);
  }

  get conflictKey(): ConflictKey | undefined {
    const { conflictKey } = this.counters;
    return conflictKey && { ...unescapeKey(conflictKey.key), conflicts: conflictKey.conflicts };
  }

  get state(): HandlerState {
    return this.status.state;
  }

  get waitsFor(): WaitsFor | undefined {
    return this.status.waitsFor;
  }

  get reason(): string | undefined {
    return this.status.reason;
  }

  get pausedUntil(): Date | undefined {
    return this.status.pausedUntil;
  }

  get isStandingBy(): boolean {
    return this.rate ? !this.rate.isHeld : this.feeds[0]!.pinned?.isHeld === false;
  }

  get drift(): readonly string[] {
    return this.status.drift;
  }

  /** Whether another version of the handler can take over the feeds, and the buffered events in their order. */
  canSwapTo(plugin: PluginDefinition, { name, subject, key, batch, rate }: HandlerDefinition): boolean {
    const present = this.definition;
    return (
      plugin.name === this.views.version.plugin.name &&
      name === present.name &&
      subject === present.subject &&
      key === present.key &&
      (rate === undefined) === (present.rate === undefined) &&
      batch?.size === present.batch?.size &&
      batch?.waitMs === present.batch?.waitMs
    );
  }

  /**
   * Makes `version` the handler's version: events that begin after this call run on it. Resolves when the runs on the
   * version before have ended.
   */
  swap(version: HandlerVersion): Promise<void> {
    this.views.renew(version);
    for (const feed of this.feeds) feed.renewHandler();
    this.outage.handlerRenewed();
    const { concurrency, rate } = version.definition;
    const { prefetch } = sizesOf(version.definition, this.host.config.delivery.maxAckPending);
    return this.intake.swap({ concurrency, prefetch, rate }, ({ settlements }) => this.views.of(settlements));
  }

  async stop(graceMs: number): Promise<void> {
    this.outage.stop();
    await this.retryFeed.stop();
    // The pulls end first, so that the server sends nothing more; then the buffered events are nacked.
    const pulled = this.feeds.map((feed) => feed.stop());
    const settled = this.intake.stop(graceMs);
    await Promise.all(pulled);
    await settled;
    await Promise.all(this.feeds.map((feed) => feed.leave()));
    await this.rate?.stop();
    // The next start removes the records that are left.
    await endsWithin(this.attempts.whenForgotten(), FORGET_MS, this.host.time);
    this.host.sweep.remove(this.intake);
  }

  private makeIntake(definition: HandlerDefinition): Intake {
    const { host, counters } = this;
    const { delivery } = host.config;
    return new Intake(definition, {
      ...sizesOf(definition, delivery.maxAckPending),
      counters,
      ackWaitMs: delivery.ackWaitMs,
      suspects: host.suspects,
      ...host.limits,
      time: host.time,
      onCapacity: () => this.feeds.forEach((feed) => feed.request()),
      onFull: () => this.feeds.forEach((feed) => feed.takeBackRequests()),
    });
  }

  private addFeed(options: Pick<DurableFeedOptions, 'durable' | 'settlements' | 'keepsOrder' | 'accept'>): DurableFeed {
    const { host } = this;
    const { durable } = options;
    const feed = new DurableFeed(
      {
        ...options,
        isLeased: this.definition.rate !== undefined,
        handlerFor: (settlements) => this.views.of(settlements),
        openSettlements: () => openSettlements(durable, host),
      },
      this.intake,
      host,
      this.log,
    );
    this.feeds.push(feed);
    return feed;
  }

  private startFeed(feed: DurableFeed): void {
    feed.start();
    this.outage.feedAdded(feed);
  }

  /**
   * Returns the function that decides whether a delivery enters the intake. Keyed events keep their order, so the host
   * never replaces one of them by another as a probe.
   */
  private acceptor(keepsOrder: boolean): (delivery: Delivery) => Delivery | undefined {
    return keepsOrder ? (delivery) => delivery : (delivery) => this.outage.chooseProbe(delivery);
  }
}

/** Limits for the deliveries of one handler that wait in the host. */
function sizesOf(
  { concurrency, key, batch, rate }: HandlerDefinition,
  maxAckPending: number,
): { prefetch: PrefetchBounds; maxBuffered: number } {
  // `maxAckPending` limits the deliveries in flight of all hosts together, so half of it is left to other hosts.
  const half = Math.max(1, Math.floor(maxAckPending / 2));
  const wanted = batch ? batch.size * (concurrency + 1) : concurrency * PREFETCH_PER_RUN;
  const paced = rate ? Math.max(batch?.size ?? 1, Math.ceil((rate.events * RATE_HORIZON_MS) / rate.perMs)) : Infinity;
  const first = Math.min(wanted, paced);
  const least = Math.min(batch ? wanted : concurrency, paced);
  const prefetch = { least, first, most: Math.max(first, Math.min(MAX_PREFETCH, half, paced)) };
  // An event that waits for an earlier event of its key is in flight too. So this host holds at most half of
  // `maxAckPending`; the rest is left to other keys and other hosts.
  return { prefetch, maxBuffered: key === undefined ? Infinity : half };
}
