import type { KvAttemptLog } from '../message/failures/attempts';
import { CircuitBreaker } from '../message/failures/circuit-breaker';
import { HandlerCounters } from '../message/counters';
import type { Delivery } from '../broker/delivery';
import type { Handler } from '../message/handler';
import { Intake } from '../message/intake/intake';
import type { Outage, Outages } from '../message/failures/outages';
import type { PrefetchBounds } from '../message/intake/prefetch';
import type { HandlerCanary } from '../message/failures/handler-canary';
import { LogThrottle } from '../base/log-throttle';
import type { Timer } from '../base/time';
import { findApplied } from '../records/find-applied';
import type { Settlements } from '../records/settlements';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';
import { DurableFeed } from './durable-feed';
import type { PluginCode } from '../load/plugin-code';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt, openSettlements, type Reconciled } from './reconcile';
import type { DurableSpec } from '../broker/durable';
import { retryQueueDurable, RetryDelivery } from '../broker/retry-queue';

/** How many deliveries wait in the host for each that runs, until it is known how quick the handler is. */
const PREFETCH_PER_RUN = 4;
/** More make nothing quicker. */
const MOST_PREFETCH = 2_500;
const ROAD_RETRY_MS = 1_000;
/** The same reason is logged again after so long. */
const SAY_AGAIN_MS = 600_000;
/** The waits before the first probe of a handler that is down, the second and so on. */
const PROBE_MS = [1_000, 2_000, 5_000, 10_000];

/**
 * Why a handler does nothing: its durable is gone and not made again yet, its durable is not to be used or the server
 * refuses to deliver from it, everything that it does fails, too many events wait for an earlier one of their key, or
 * its process is not there.
 */
export type WaitsFor = 'durable' | 'refused' | 'circuit' | 'order' | 'process';

/** `paused`: an operator has paused its durable on the server. */
export type HandlerState = 'running' | 'waiting' | 'paused';

/** A handler that pulls from its durable. */
export interface ConsumingHandler {
  readonly definition: HandlerDefinition;
  readonly durable: DurableSpec;
  readonly counters: HandlerCounters;
  readonly state: HandlerState;
  /** What keeps it from pulling, if anything does. */
  readonly waitsFor: WaitsFor | undefined;
  /** The same in words, where its durable is the reason. */
  readonly reason: string | undefined;
  /** Until when an operator has paused its durable on the server. */
  readonly pausedUntil: Date | undefined;
  /** Settings that another host of the deployment has given its durable, such as `ack_wait: 30 s → 15 s`. */
  readonly drift: readonly string[];
  readonly circuit: Pick<CircuitBreaker, 'outage'>;
  /** How many events, or batches of them, are being handled. */
  readonly running: number;
  /** Pulls no more, gives back what has not begun and waits for what has. */
  stop(graceMs: number): Promise<void>;
}

/** A handler as one version of its plugin has it. */
export interface HandlerVersion {
  readonly plugin: PluginDefinition;
  readonly definition: HandlerDefinition;
  readonly code: PluginCode;
  /** Where it has to prove itself against the version before. */
  readonly canary: HandlerCanary | undefined;
}

/** Starts pulling for a handler. */
export function consume(version: HandlerVersion, reconciled: Reconciled, host: PluginHost): Consumption {
  return new Consumption(version, reconciled, host);
}

/** How many deliveries a handler has in the host beside those that run. */
function sizesOf(
  { concurrency, key, batch }: HandlerDefinition,
  maxAckPending: number,
): { prefetch: PrefetchBounds; maxHeld: number } {
  // What is delivered and not settled is bounded for all hosts together: half of it is for others.
  const half = Math.max(1, Math.floor(maxAckPending / 2));
  const first = batch ? batch.size * (concurrency + 1) : concurrency * PREFETCH_PER_RUN;
  const least = batch ? first : concurrency;
  const prefetch = { least, first, most: Math.max(first, Math.min(MOST_PREFETCH, half)) };
  // Those behind a slow key count as delivered: the other half is for the other keys, here and on other hosts.
  return { prefetch, maxHeld: key === undefined ? Infinity : half };
}

/** A durable's pull, and what is pulled; versions of its handler come and go meanwhile. */
export class Consumption implements ConsumingHandler {
  readonly counters: HandlerCounters;
  readonly durable: DurableSpec;
  readonly circuit: CircuitBreaker;
  private readonly intake: Intake;
  private readonly lanes: DurableFeed[] = [];
  private readonly log;
  private readonly attempts: KvAttemptLog;
  private readonly outages: Outages;
  private readonly leaveRoads: () => void;
  private roadOpening: Promise<void> | undefined;
  /** Whether something is known to be there, or to have been. */
  private isOnRoad = false;
  private probeTimer: Timer | undefined;
  private stopped = false;

  /** The handler as the newest version has it, by what is settled of each stream it takes from. */
  private handlers = new Map<Settlements, Handler>();

  constructor(
    private version: HandlerVersion,
    { durable, settlements, attempts, outages, before, counters }: Reconciled,
    private readonly host: PluginHost,
  ) {
    const { plugin, definition } = version;
    this.durable = durable;
    this.counters = counters ?? new HandlerCounters();
    this.log = host.log.child({ plugin: plugin.name });
    this.attempts = attempts;
    this.outages = outages;
    this.circuit = new CircuitBreaker(
      { ...host.config.delivery.circuit, probeMs: PROBE_MS },
      {
        opened: (outage) => this.circuitOpened(outage),
        closed: () => this.circuitClosed(),
        charged: (failed) => failed.forEach(({ message }) => this.record(this.attempts.charge(message))),
      },
      before,
      () => host.time.epochMs(),
    );
    this.intake = new Intake(definition, {
      ...sizesOf(definition, host.config.delivery.maxAckPending),
      counters: this.counters,
      ackWaitMs: host.config.delivery.ackWaitMs,
      suspects: host.suspects,
      time: host.time,
      onRoom: () => this.lanes.forEach((lane) => lane.request()),
    });
    host.sweep.add(this.intake);
    this.addLane(durable, settlements, (delivery) => this.fromStream(delivery));
    if (this.circuit.isOpen) this.holdOff('the handler was down when the host before this one ended: its events wait');
    this.leaveRoads = host.retryNotifier.on(plugin.name, definition.name, () => {
      this.isOnRoad = true;
      this.openRoad();
    });
    this.openRoad();
  }

  get definition(): HandlerDefinition {
    return this.version.definition;
  }

  /** Whether a version of the handler can go on with what is pulled: it comes from the same place, in the same line. */
  canTake(plugin: PluginDefinition, { name, subject, key, batch }: HandlerDefinition): boolean {
    const present = this.definition;
    return (
      plugin.name === this.version.plugin.name &&
      name === present.name &&
      subject === present.subject &&
      key === present.key &&
      batch?.size === present.batch?.size &&
      batch?.waitMs === present.batch?.waitMs
    );
  }

  /** What begins from here on runs on this version; resolves when what runs on the one before has ended. */
  swap(version: HandlerVersion): Promise<void> {
    this.version = version;
    this.handlers = new Map();
    for (const lane of this.lanes) lane.renew();
    // An edit may be what mends it.
    if (this.circuit.isOpen) {
      this.circuit.resetProbes();
      this.probeTimer?.cancel();
      this.probeLater();
    }
    const { concurrency } = version.definition;
    const { prefetch } = sizesOf(version.definition, this.host.config.delivery.maxAckPending);
    return this.intake.swap({ concurrency, prefetch }, ({ settlements }) => this.handlerOf(settlements));
  }

  get state(): HandlerState {
    const { waitsFor } = this;
    const isPaused = this.pausedUntil !== undefined && waitsFor !== 'durable' && waitsFor !== 'refused';
    if (isPaused) return 'paused';
    return waitsFor === undefined ? 'running' : 'waiting';
  }

  get reason(): string | undefined {
    return this.lanes.map(({ condition }) => condition.reason).find((reason) => reason !== undefined);
  }

  get pausedUntil(): Date | undefined {
    return this.lanes.map(({ condition }) => condition.pausedUntil).find((until) => until !== undefined);
  }

  get drift(): readonly string[] {
    return this.lanes.flatMap(({ condition }) => condition.drift);
  }

  get running(): number {
    return this.intake.running;
  }

  get waitsFor(): WaitsFor | undefined {
    if (this.reason !== undefined) return 'refused';
    if (this.lanes.some((lane) => lane.isMissing)) return 'durable';
    if (this.circuit.isOpen) return 'circuit';
    if (this.version.code.processes?.every(({ state }) => state !== 'running')) return 'process';
    return this.intake.isFull || this.lanes.some((lane) => lane.isCatchingUp) ? 'order' : undefined;
  }

  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    this.probeTimer?.cancel();
    this.leaveRoads();
    await this.roadOpening;
    // First the word to the server that nothing more is wanted, then what it sent already goes back.
    const pulled = this.lanes.map((lane) => lane.stop());
    const settled = this.intake.stop(graceMs);
    await Promise.all(pulled);
    await settled;
    await Promise.all(this.lanes.map((lane) => lane.flush()));
    this.host.sweep.remove(this.intake);
  }

  private addLane(
    durable: DurableSpec,
    settlements: Settlements,
    arrive: (delivery: Delivery) => Delivery | undefined,
  ): void {
    const { host, intake, log } = this;
    const { plugin } = this.version;
    const options = {
      durable,
      settlements,
      isRoad: this.lanes.length > 0,
      handlerFor: (current: Settlements) => this.handlerOf(current),
      openSettlements: () => openSettlements(durable, plugin, host),
      arrive,
    };
    this.lanes.push(new DurableFeed(options, intake, host, log));
  }

  /** While the handler is down a probe is to tell something new: what has failed already waits, if others wait too. */
  private fromStream(delivery: Delivery): Delivery | undefined {
    const { circuit } = this;
    if (!circuit.isOpen || delivery.pending === 0 || this.definition.key !== undefined || !circuit.hasTried(delivery)) {
      return delivery;
    }
    delivery.nak(2 * circuit.probeDelayMs);
    this.lanes[0]?.probe();
    return undefined;
  }

  /** The road of what comes back to this handler alone, opened when something is there or comes: looks until it knows. */
  private openRoad(): void {
    if (this.stopped || this.lanes.length > 1) return;
    this.roadOpening ??= this.makeRoad();
  }

  private async makeRoad(): Promise<void> {
    const { host, durable, definition } = this;
    const road = retryQueueDurable(this.version.plugin.name, definition.name, durable.ackWaitMs, durable.deployment);
    const said = new LogThrottle(SAY_AGAIN_MS, () => host.time.nowMs());
    while (!this.stopped) {
      try {
        // What comes while this looks is told too.
        if (!this.isOnRoad && (await host.broker.hasDeferred(road))) this.isOnRoad = true;
        if (this.isOnRoad) await this.addRoad(road);
        break;
      } catch (error) {
        if (said.note(String(error)) !== undefined) {
          this.log.warn('the retry road cannot be looked at yet', { handler: definition.name, err: error });
        }
        await new Promise<void>((resolve) => host.time.after(ROAD_RETRY_MS, resolve));
      }
    }
    this.roadOpening = undefined;
  }

  private async addRoad(road: DurableSpec): Promise<void> {
    const settlements = await openSettlements(road, this.version.plugin, this.host);
    await ensureDurableAt(road, settlements, this.host);
    this.circuit.restore({ failing: await this.attempts.failing(road.stream, settlements) });
    this.addLane(road, settlements, (delivery) => this.fromRoad(delivery));
    if (this.circuit.isOpen) this.lanes.at(-1)?.pause();
  }

  /** What is not due yet goes back until it is. */
  private fromRoad(delivery: Delivery): Delivery | undefined {
    const event = this.readRoad(delivery);
    if (!event) return undefined;
    const earlyMs = event.dueAtMs - this.host.time.epochMs();
    if (earlyMs <= 0) return event;
    delivery.nak(earlyMs);
    return undefined;
  }

  /** Somebody else may publish there what no host put there. */
  private readRoad(delivery: Delivery): RetryDelivery | undefined {
    try {
      return new RetryDelivery(delivery);
    } catch (error) {
      const { subject, sequence } = delivery;
      this.log.error('what lies on the retry road is no event of a host; it is passed over', {
        subject,
        sequence,
        err: error,
      });
      delivery.term('no event of a host');
      return undefined;
    }
  }

  private handlerOf(settlements: Settlements): Handler {
    const known = this.handlers.get(settlements);
    if (known) return known;
    const handler = this.makeHandler(settlements);
    this.handlers.set(settlements, handler);
    return handler;
  }

  private makeHandler(settlements: Settlements): Handler {
    const { host } = this;
    const { definition, plugin, code, canary } = this.version;
    return {
      plugin: plugin.name,
      name: definition.name,
      durable: settlements.durable,
      version: plugin.version,
      where: definition.where,
      ...(definition.contract && { contract: definition.contract }),
      concurrency: definition.concurrency,
      timeoutMs: definition.timeoutMs,
      retry: definition.retry,
      key: definition.key,
      batch: definition.batch,
      limits: host.config.delivery,
      invoke: code.handler(definition.method),
      settlements,
      texts: host.texts,
      attempts: this.attempts,
      findApplied: (sequence) => findApplied(host.broker.storeOf(plugin.name), host.texts, settlements, sequence),
      circuit: this.circuit,
      canary,
      deadLetters: host.deadLetters,
      retryQueue: host.retryQueue,
      outgoing: host.outgoing,
      counters: this.counters,
      log: this.log,
      time: host.time,
    };
  }

  private circuitOpened(outage: Outage): void {
    this.record(this.outages.begin(outage));
    this.holdOff('everything fails: the circuit opens and the events wait');
  }

  /** The handler is down: its events wait in the stream, and a probe is made now and then. */
  private holdOff(message: string): void {
    this.log.error(message, { handler: this.definition.name, ...this.circuit.outage });
    for (const lane of this.lanes) lane.pause();
    this.intake.admit(0);
    this.probeLater();
  }

  private probeLater(): void {
    this.probeTimer = this.host.time.after(this.circuit.probeDelayMs, () => {
      if (this.stopped || !this.circuit.isOpen) return;
      this.record(this.outages.store());
      // While one probe runs, another would tell nothing more.
      if (this.intake.running === 0) {
        this.circuit.probed();
        // What keeps its place is here already.
        if (this.intake.queued === 0) for (const lane of this.lanes) lane.probe();
        this.intake.admit(1);
      }
      this.probeLater();
    });
  }

  private circuitClosed(): void {
    this.probeTimer?.cancel();
    this.record(this.outages.end());
    this.log.info('the handler works again: the circuit closes', { handler: this.definition.name });
    this.intake.admit(Infinity);
    for (const lane of this.lanes) lane.resume();
  }

  private record(written: Promise<void>): void {
    written.catch((error: unknown) =>
      this.log.warn('the count of failures could not be recorded', { handler: this.definition.name, err: error }),
    );
  }
}
