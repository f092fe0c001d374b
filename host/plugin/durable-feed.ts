import { isJetplugError, type ErrorCode } from '../../sdk/internal';
import type { Settlements } from '../records/settlements';
import type { PartedLog } from '../log/log';
import type { Delivery } from '../broker/delivery';
import type { Handler } from '../message/handler';
import type { Intake } from '../message/intake/intake';
import { CatchUp } from './catch-up';
import { DurableCondition } from './durable-condition';
import { Misfits, type Fit } from './misfits';
import type { DurablePull } from '../broker/pull';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt } from './reconcile';
import type { DurableSpec, DurableLook } from '../broker/durable';
import { RECORDS_STREAM } from '../broker/stream-state';

const REMAKE_DELAY_MS = 1_000;
/** Until then the durable is corrected. */
const MISFIT_DELAY_MS = 2_000;
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['JP_CONSUMER_FOREIGN', 'JP_CONSUMER_NOT_UPDATABLE']);
/** A durable that the host must not use is an operator's to mend. */
const REFUSED_DELAY_MS = 2_000;

export interface DurableFeedOptions {
  readonly durable: DurableSpec;
  readonly settlements: Settlements;
  /** The handler as it is set up for a stream. */
  handlerFor(settlements: Settlements): Handler;
  /** Whether it is the retry road, whose events have lost their place already. */
  readonly isRoad: boolean;
  /** What is settled of the stream as it is now. */
  openSettlements(): Promise<Settlements>;
  /** What becomes of a delivery before the intake has it; nothing where it was answered here. */
  arrive(delivery: Delivery): Delivery | undefined;
}

/** One durable that feeds a handler's intake: its own stream's, or its retry road's. */
export class DurableFeed {
  /** The reasons why the durable delivers nothing. */
  readonly condition: DurableCondition;
  private readonly pull: DurablePull;
  private readonly misfits: Misfits;
  private readonly unwatch: () => void;
  private settlements: Settlements;
  private handler: Handler;
  private catchUp: CatchUp | undefined;
  private missing = false;
  /** Whether the pull asks for nothing until the durable was looked at. */
  private held = false;
  /** The corrections that the server does not make, as limits of its own set other values. */
  private limited = '';
  /** Each look for the durable has a number; only the newest goes on. */
  private look = 0;
  private stopped = false;

  constructor(
    private readonly options: DurableFeedOptions,
    private readonly intake: Intake,
    private readonly host: PluginHost,
    private readonly log: PartedLog,
  ) {
    const { durable } = options;
    this.settlements = options.settlements;
    this.handler = options.handlerFor(options.settlements);
    this.condition = new DurableCondition(durable, log, host.time);
    this.misfits = new Misfits(durable.subject);
    this.pull = host.broker.pull(durable.stream, durable.durable, {
      room: () => this.catchUp?.room ?? intake.room,
      deliver: (delivery, isLate) => {
        const fit = this.misfits.judge(delivery);
        if (fit !== 'fits') return this.refuse(delivery, fit);
        // While the durable is looked for, and late, a delivery may come from the one that was there before.
        if (!this.held && !isLate) this.settlements.delivered(delivery);
        const arrived = options.arrive(delivery);
        if (arrived) intake.offer(arrived, this.handler);
        this.catchUp?.arrived(delivery);
      },
      gone: (why) => {
        this.missing = this.held = true;
        this.log.warn('the durable consumer is gone; making it again', { durable: durable.durable, why });
        void this.ensure({ rereads: true });
      },
      returned: () => {
        // Until it was looked for it counts as gone: nothing is pulled meanwhile.
        this.missing = this.held = true;
        void this.ensure();
      },
      trouble: (message, details) => this.log.warn(message, { handler: this.handler.name, ...details }),
      refused: (reason) => this.condition.refused(reason),
      served: () => this.condition.served(),
    });
    this.unwatch = host.broker.watchDurable(durable, (look) => this.looked(look));
    this.held = this.inOrder;
    this.pull.start({ held: this.held });
    // What is unsettled when it begins decides what it waits for.
    if (this.held) void this.ensure();
  }

  private get inOrder(): boolean {
    return this.handler.key !== undefined && !this.options.isRoad;
  }

  /** Whether it waits for older events, so that those of one key come in order. */
  get isCatchingUp(): boolean {
    return this.catchUp !== undefined;
  }

  /** Whether its durable is gone and not made again yet, or may be and was not looked for yet. */
  get isMissing(): boolean {
    return this.missing;
  }

  /** The handler has a new version. */
  renew(): void {
    this.handler = this.options.handlerFor(this.settlements);
  }

  request(): void {
    this.pull.request();
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
    this.stopped = true;
    this.unwatch();
    this.catchUp?.cancel();
    await this.pull.stop();
  }

  /** When nothing runs any more: so that the next host knows. */
  async flush(): Promise<void> {
    await this.settlements.flush();
  }

  private looked(look: DurableLook): void {
    const { condition, pull } = this;
    const wasPaused = condition.pausedUntil !== undefined;
    condition.looked(look);
    if (this.held) return;
    if (look.needs === 'hold') return this.holdAndEnsure();
    const isSame = this.settlements.confirm(look.checkpoint);
    const needsCorrection = look.needs === 'correction' && look.corrections.join() !== this.limited;
    if (!isSame || needsCorrection) void this.ensure();
    else if (wasPaused && !look.pausedUntil) pull.renew();
    else if (!look.pausedUntil && look.pending > 0 && look.inFlight < this.options.durable.maxAckPending) pull.nudge();
  }

  /** Uses the durable no more before it is as it has to be. */
  private holdAndEnsure(): void {
    if (this.missing) return;
    this.missing = this.held = true;
    this.pull.hold();
    void this.ensure({ rereads: true });
  }

  /** Somebody has changed the filter, or lets the server send no payloads. */
  private refuse(delivery: Delivery, fit: Exclude<Fit, 'fits'>): void {
    const { subject, sequence } = delivery;
    if (fit === 'left-over') {
      this.log.info('an event that the handler does not subscribe to is passed over', {
        handler: this.handler.name,
        subject,
        sequence,
      });
      this.settlements.settle(sequence);
      delivery.term('the handler does not subscribe to it');
      return;
    }
    delivery.nak(MISFIT_DELAY_MS);
    this.holdAndEnsure();
  }

  /**
   * Makes the durable again where it stood, if it is gone, or corrects its settings, for as long as that takes; then
   * goes on pulling.
   * @param rereads whether the durable is likely to be made again: what other hosts have settled is then read first,
   * as the new one begins behind it
   */
  private async ensure({ rereads = false } = {}): Promise<void> {
    const { durable } = this.options;
    const look = ++this.look;
    const isOver = (): boolean => this.stopped || look !== this.look;
    const spec = { ...durable, yieldsToOtherHosts: true };
    while (!isOver()) {
      try {
        await this.renewSettlements(isOver);
        if (isOver()) return;
        if (rereads) await this.settlements.refresh();
        const { inFlight, limited = [] } = await ensureDurableAt(spec, this.settlements, this.host);
        if (isOver()) return;
        this.limited = limited.join();
        this.condition.usable();
        if (!this.held) return this.pull.renew();
        this.missing = false;
        this.held = false;
        this.waitForUnsettled(inFlight);
        this.pull.found();
        return;
      } catch (error) {
        if (isOver()) return;
        const isRefusal = isJetplugError(error) && REFUSALS.has(error.code);
        this.condition.failed(error, isRefusal);
        if (isRefusal && !this.missing) {
          this.missing = this.held = true;
          this.pull.hold();
        }
        const delayMs = isRefusal ? REFUSED_DELAY_MS : REMAKE_DELAY_MS;
        await new Promise<void>((resolve) => void this.host.time.after(delayMs, resolve));
      }
    }
  }

  /** Events that others hold, or that were lost on the way here, come again: with a key, none of the later ones may overtake them. */
  private waitForUnsettled(inFlight: number): void {
    const missing = inFlight - this.intake.heldOf(this.handler);
    if (!this.inOrder || missing <= 0) return;
    this.catchUp?.cancel();
    this.intake.holdUp();
    this.catchUp = new CatchUp(missing, this.options.durable.ackWaitMs, this.host.time, {
      more: () => this.pull.request(),
      done: () => {
        this.catchUp = undefined;
        this.intake.letIn();
        this.pull.request();
      },
    });
  }

  /** A stream that was made again is another one: none of its messages is settled, and all of them are the handler's. */
  private async renewSettlements(isOver: () => boolean): Promise<void> {
    const { durable, openSettlements, handlerFor } = this.options;
    const { broker } = this.host;
    this.settlements.forgetDeliveries();
    // A server that lost its data is given its streams and the host's records again first.
    await broker.whenChecked(durable.stream, RECORDS_STREAM);
    if ((await broker.streamCreated(durable.stream)) === this.settlements.streamIncarnation) return;
    const settlements = await openSettlements();
    if (isOver()) return;
    settlements.settleUpTo(0);
    const { last } = this.settlements;
    this.settlements = settlements;
    this.handler = handlerFor(settlements);
    this.pull.disown();
    this.log.warn('the stream was made again; its events are taken from its beginning', {
      stream: durable.stream,
      durable: durable.durable,
      lastHandled: last,
    });
  }
}
