import type { Delivery } from '../broker/delivery';
import type { DurableSpec } from '../broker/durable';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { HandlerCounters } from '../message/counters';
import type { CircuitBreaker } from '../message/failures/circuit-breaker';
import { Intake } from '../message/intake/intake';
import type { PrefetchBounds } from '../message/intake/prefetch';
import { DurableFeed, type DurableFeedOptions } from './durable-feed';
import { HandlerStatus, type HandlerState, type WaitsFor } from './handler-status';
import { HandlerViews, type HandlerVersion } from './handler-views';
import { OutageControl } from './outage-control';
import type { PluginHost } from './plugin-host';
import { openSettlements, type ReconciledDurable } from './reconcile';
import { RetryFeed } from './retry-feed';

/** How many deliveries are buffered for each run, until the handler's speed is known. */
const PREFETCH_PER_RUN = 4;
/** A larger prefetch makes no handler faster. */
const MAX_PREFETCH = 2_500;

/** A handler that pulls from its durable, as status queries see it. */
export interface ConsumingHandler {
  readonly definition: HandlerDefinition;
  readonly durable: DurableSpec;
  readonly counters: HandlerCounters;
  readonly state: HandlerState;
  /** Why it takes no events; undefined while it does. */
  readonly waitsFor: WaitsFor | undefined;
  /** The same in words, where its durable is the reason. */
  readonly reason: string | undefined;
  /** Until when an operator has paused its durable on the server. */
  readonly pausedUntil: Date | undefined;
  /** Settings that another host of the deployment has given its durable, such as `ack_wait: 30 s → 15 s`. */
  readonly drift: readonly string[];
  readonly circuit: Pick<CircuitBreaker, 'outage'>;
  /** How many events, or batches of events, are being handled. */
  readonly running: number;
  /**
   * Stops pulling, nacks the events that have not begun, and waits for those that have.
   * @param graceMs after so long the events that still run are nacked too
   */
  stop(graceMs: number): Promise<void>;
}

/** Starts to pull for a handler. */
export function consume(version: HandlerVersion, reconciled: ReconciledDurable, host: PluginHost): Consumption {
  const consumption = new Consumption(version, reconciled, host);
  consumption.start();
  return consumption;
}

/** A handler's feeds and its intake. They stay when the handler's version changes. */
export class Consumption implements ConsumingHandler {
  readonly counters: HandlerCounters;
  readonly durable: DurableSpec;
  private readonly feeds: DurableFeed[] = [];
  private readonly intake: Intake;
  private readonly outage: OutageControl;
  private readonly views: HandlerViews;
  private readonly retryFeed: RetryFeed;
  private readonly status: HandlerStatus;
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
        // Deferred events have lost their order already.
        open: (source) => this.startFeed(this.addFeed({ ...source, keepsOrder: false })),
      },
      host,
      this.log,
    );
    this.status = new HandlerStatus({ feeds, circuit, intake: this.intake, code: () => this.views.version.code });
  }

  start(): void {
    this.host.sweep.add(this.intake);
    for (const feed of this.feeds) feed.start();
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

  get drift(): readonly string[] {
    return this.status.drift;
  }

  /** Whether another version of the handler can take over the feeds and the buffered events, in the order they have. */
  canSwapTo(plugin: PluginDefinition, { name, subject, key, batch }: HandlerDefinition): boolean {
    const present = this.definition;
    return (
      plugin.name === this.views.version.plugin.name &&
      name === present.name &&
      subject === present.subject &&
      key === present.key &&
      batch?.size === present.batch?.size &&
      batch?.waitMs === present.batch?.waitMs
    );
  }

  /** From now on events begin on this version. Resolves when the runs on the version before have ended. */
  swap(version: HandlerVersion): Promise<void> {
    this.views.renew(version);
    for (const feed of this.feeds) feed.renewHandler();
    this.outage.handlerRenewed();
    const { concurrency } = version.definition;
    const { prefetch } = sizesOf(version.definition, this.host.config.delivery.maxAckPending);
    return this.intake.swap({ concurrency, prefetch }, ({ settlements }) => this.views.of(settlements));
  }

  async stop(graceMs: number): Promise<void> {
    this.outage.stop();
    await this.retryFeed.stop();
    // The pulls end first, so that the server sends nothing more; then the buffered events are nacked.
    const pulled = this.feeds.map((feed) => feed.stop());
    const settled = this.intake.stop(graceMs);
    await Promise.all(pulled);
    await settled;
    await Promise.all(this.feeds.map((feed) => feed.flush()));
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
      time: host.time,
      onRoom: () => this.feeds.forEach((feed) => feed.request()),
    });
  }

  private addFeed(options: Pick<DurableFeedOptions, 'durable' | 'settlements' | 'keepsOrder' | 'accept'>): DurableFeed {
    const { host, views } = this;
    const { durable } = options;
    const { plugin } = views.version;
    const feed = new DurableFeed(
      {
        ...options,
        handlerFor: (settlements) => this.views.of(settlements),
        openSettlements: () => openSettlements(durable, plugin, host),
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

  /** Keyed events keep their order, so none of them is replaced as a probe. */
  private acceptor(keepsOrder: boolean): (delivery: Delivery) => Delivery | undefined {
    return keepsOrder ? (delivery) => delivery : (delivery) => this.outage.chooseProbe(delivery);
  }
}

/** How many deliveries a handler may have in the host beside those that run. */
function sizesOf(
  { concurrency, key, batch }: HandlerDefinition,
  maxAckPending: number,
): { prefetch: PrefetchBounds; maxHeld: number } {
  // `maxAckPending` limits the deliveries in flight of all hosts together: half of it is left to other hosts.
  const half = Math.max(1, Math.floor(maxAckPending / 2));
  const first = batch ? batch.size * (concurrency + 1) : concurrency * PREFETCH_PER_RUN;
  const least = batch ? first : concurrency;
  const prefetch = { least, first, most: Math.max(first, Math.min(MAX_PREFETCH, half)) };
  // Events behind a slow key are in flight too: the other half is left to other keys, here and on other hosts.
  return { prefetch, maxHeld: key === undefined ? Infinity : half };
}
