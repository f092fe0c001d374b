import type { Timer } from '../base/time';
import type { Delivery } from '../broker/delivery';
import type { PartedLog } from '../log/log';
import { CircuitBreaker } from '../message/failures/circuit-breaker';
import type { Outage } from '../message/failures/outages';
import type { Intake } from '../message/intake/intake';
import type { DurableFeed } from './durable-feed';
import type { PluginHost } from './plugin-host';
import type { ReconciledDurable } from './reconcile';

/** The waits before the first probe of an open circuit, the second and so on; the last one repeats. */
const PROBE_MS = [1_000, 2_000, 5_000, 10_000];

export interface OutageControlOptions extends Pick<ReconciledDurable, 'attempts' | 'outages' | 'before'> {
  readonly handler: string;
  /** Feeds that are added later are paused by {@link OutageControl.feedAdded}. */
  readonly feeds: readonly Pick<DurableFeed, 'pause' | 'probe' | 'resume'>[];
  readonly intake: Pick<Intake, 'admit' | 'running' | 'queued'>;
}

/**
 * A handler's circuit breaker, and the host's reaction to it: while the circuit is open the feeds are paused, the
 * events wait in the stream, and one event at a time is let through as a probe.
 */
export class OutageControl {
  readonly circuit: CircuitBreaker;
  private probeTimer: Timer | undefined;
  private stopped = false;

  constructor(
    private readonly options: OutageControlOptions,
    private readonly host: Pick<PluginHost, 'config' | 'time'>,
    private readonly log: PartedLog,
  ) {
    const { attempts, before } = options;
    this.circuit = new CircuitBreaker(
      { ...host.config.delivery.circuit, probeMs: PROBE_MS },
      {
        opened: (outage) => this.circuitOpened(outage),
        closed: () => this.circuitClosed(),
        charged: (failed) => failed.forEach(({ message }) => this.record(attempts.charge(message))),
      },
      before,
      () => host.time.epochMs(),
    );
  }

  /** Continues an outage that was under way when the previous host ended. */
  start(): void {
    if (!this.circuit.isOpen) return;
    this.pauseEvents('the circuit was open when the previous host ended: the events wait');
  }

  feedAdded(feed: Pick<DurableFeed, 'pause'>): void {
    if (this.circuit.isOpen) feed.pause();
  }

  /**
   * Decides whether a delivery may be the probe. While the circuit is open, a probe with an event that has failed
   * already shows nothing new. So such an event is nacked if others are pending, and another one is requested.
   * @returns the delivery if it may be the probe; else undefined
   */
  chooseProbe(delivery: Delivery): Delivery | undefined {
    const { circuit } = this;
    if (!circuit.isOpen || delivery.pending === 0 || !circuit.hasTried(delivery)) return delivery;
    delivery.nak(2 * circuit.probeDelayMs);
    this.options.feeds[0]?.probe();
    return undefined;
  }

  /** Schedules the next probe soon, because the handler's new version may have fixed the failure. */
  handlerRenewed(): void {
    if (!this.circuit.isOpen) return;
    this.circuit.resetProbes();
    this.probeTimer?.cancel();
    this.scheduleProbe();
  }

  stop(): void {
    this.stopped = true;
    this.probeTimer?.cancel();
  }

  private circuitOpened(outage: Outage): void {
    this.record(this.options.outages.begin(outage));
    this.pauseEvents('everything fails: the circuit opens and the events wait');
  }

  private pauseEvents(message: string): void {
    const { handler, feeds, intake } = this.options;
    this.log.error(message, { handler, ...this.circuit.outage });
    for (const feed of feeds) feed.pause();
    intake.admit(0);
    this.scheduleProbe();
  }

  private scheduleProbe(): void {
    this.probeTimer = this.host.time.after(this.circuit.probeDelayMs, () => {
      if (this.stopped || !this.circuit.isOpen) return;
      this.record(this.options.outages.store());
      // A second probe beside a running one would show nothing more.
      if (this.options.intake.running === 0) this.probe();
      this.scheduleProbe();
    });
  }

  private probe(): void {
    const { feeds, intake } = this.options;
    this.circuit.probed();
    // Keyed events stay queued in the host, to keep their order. If any are queued, the probe is one of them, and no
    // feed has to deliver one.
    if (intake.queued === 0) for (const feed of feeds) feed.probe();
    intake.admit(1);
  }

  private circuitClosed(): void {
    const { handler, outages, intake, feeds } = this.options;
    this.probeTimer?.cancel();
    this.record(outages.end());
    this.log.info('the handler works again: the circuit closes', { handler });
    intake.admit(Infinity);
    for (const feed of feeds) feed.resume();
  }

  private record(written: Promise<void>): void {
    const { handler } = this.options;
    written.catch((error: unknown) =>
      this.log.warn('the count of failures could not be recorded', { handler, err: error }),
    );
  }
}
