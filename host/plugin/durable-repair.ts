import { isJetplugError, type ErrorCode } from '../../sdk/internal';
import type { MaybePromise } from '../base/maybe-promise';
import { retryUntil } from '../base/retry-until';
import type { DurableLook, DurablePosition, DurableSpec } from '../broker/durable';
import type { DurablePull } from '../broker/pull';
import type { Settlements } from '../records/settlements';
import { IdleDurable } from './idle-durable';
import type { DurableCondition } from './durable-condition';
import type { PluginHost } from './plugin-host';
import { ensureDurableAt } from './reconcile';
import type { UnreadableRecords } from './unreadable-records';

const RETRY_MS = 1_000;
/** Errors after which the host must not use the durable. The correction is left to an operator. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JP_CONSUMER_FOREIGN',
  'JP_CONSUMER_NOT_UPDATABLE',
  'JP_RECORD_NEWER',
  'JP_LOG_UNREADABLE',
]);
const REFUSED_RETRY_MS = 2_000;

export interface DurableRepairOptions {
  readonly durable: DurableSpec;
  readonly condition: DurableCondition;
  readonly pull: DurablePull;
  /** Resolves with the settlements of the stream as it is now. */
  settlements(isOver: () => boolean): Promise<Settlements>;
  /** Whether the durable is still the one whose deliveries the settlements count. */
  isSameDurable(look: DurableLook): boolean;
  readonly unreadable: Pick<UnreadableRecords, 'isFound' | 'assertReadableLog'>;
  /** Called each time that the host finds out that it must not use the durable. */
  refused(): void;
  /** Called when the durable may be used again, with the durable's position, before the pull continues. */
  usable(position: DurablePosition): MaybePromise<void>;
}

/**
 * Keeps a feed's durable usable: creates it again when it is gone, corrects its settings, and suspends the pull until
 * the durable may be used.
 */
export class DurableRepair {
  /**
   * `suspended`: the pull is suspended until the durable was checked. `missing`: the pull is suspended too, and status
   * queries report the durable as missing.
   */
  private use: 'pulling' | 'suspended' | 'missing' = 'pulling';
  /** The corrections, as text, that the server does not make because of limits of its own or of the stream. */
  private limited = '';
  /** Aborts the repair that is under way. */
  private current = new AbortController();
  private stopped = false;
  /** Whether a repair that has not succeeded yet has to read first which events other hosts have settled. */
  private rereads = false;
  private readonly idle: IdleDurable;

  constructor(
    private readonly options: DurableRepairOptions,
    private readonly host: PluginHost,
  ) {
    this.idle = new IdleDurable(host.time);
  }

  /** Whether the durable is gone and not created again yet, or may be gone and was not checked yet. */
  get isMissing(): boolean {
    return this.use === 'missing';
  }

  /** Whether the pull is suspended until the durable was checked. */
  get isSuspended(): boolean {
    return this.use !== 'pulling';
  }

  /** Checks the durable, then lets the pull begin, which was started suspended. */
  checkFirst(): void {
    this.use = 'suspended';
    void this.ensure();
  }

  /**
   * Checks or creates the durable after the pull has lost it or the connection. The pull requests nothing before
   * {@link DurablePull.found}.
   * @param rereads whether to read first which events other hosts have settled, because a durable that is created anew
   * begins behind these
   */
  lost({ rereads = false } = {}): void {
    this.use = 'missing';
    // A newer repair, such as after a reconnect, must not forget that an older one had to reread.
    this.rereads ||= rereads;
    void this.ensure();
  }

  /** Stops the use of the durable until this host has taken over its events from another host. */
  takeOver(): void {
    this.use = 'suspended';
    this.rereads = true;
    void this.ensure();
  }

  /** Ends a repair, because the pull stands by for another host. */
  abandon(): void {
    this.current.abort();
    this.use = 'pulling';
  }

  /** Stops the use of the durable until it was checked and, where necessary, corrected. */
  suspend(): void {
    if (this.use === 'missing') return;
    this.options.pull.suspend();
    this.lost({ rereads: true });
  }

  /** Acts on the state of the durable, which is queried every few seconds. */
  checked(look: DurableLook): void {
    const { condition, durable, pull } = this.options;
    const wasPaused = condition.pausedUntil !== undefined;
    condition.checked(look);
    // The settings of another host stay no longer than that host runs.
    if (this.idle.look(condition.reason !== undefined, look)) return void this.ensure();
    if (this.use !== 'pulling') return;
    if (look.needs === 'check' || this.options.unreadable.isFound) return this.suspend();
    const isSame = this.options.isSameDurable(look);
    const needsCorrection = look.needs === 'correction' && look.corrections.join() !== this.limited;
    if (!isSame || needsCorrection) void this.ensure();
    else if (wasPaused && !look.pausedUntil) pull.renew();
    else if (!look.pausedUntil && look.pending > 0 && look.inFlight < durable.maxAckPending) pull.nudge();
  }

  stop(): void {
    this.stopped = true;
    this.current.abort();
  }

  /**
   * Creates the durable at its old position if it is gone, and otherwise corrects its settings. Repeats that until it
   * succeeds; then lets the pull continue.
   */
  private async ensure(): Promise<void> {
    if (this.stopped) return;
    this.current.abort();
    const { signal } = (this.current = new AbortController());
    const { condition } = this.options;
    await retryUntil(() => this.tryToEnsure(() => signal.aborted), {
      waitMs: (error) => (isRefusal(error) ? REFUSED_RETRY_MS : RETRY_MS),
      stop: signal,
      time: this.host.time,
      // The condition reports each change once.
      reportAgainMs: 0,
      failed: (error) => {
        condition.failed(error, isRefusal(error));
        if (!isRefusal(error)) return;
        this.options.refused();
        if (this.use === 'missing') return;
        this.use = 'missing';
        this.options.pull.suspend();
      },
    });
  }

  private async tryToEnsure(isOver: () => boolean): Promise<void> {
    const { durable, condition, settlements, usable } = this.options;
    const current = await settlements(isOver);
    if (isOver()) return;
    if (this.rereads) await current.refresh();
    await this.options.unreadable.assertReadableLog();
    const yieldsToOtherHosts = !this.idle.isOver;
    const position = await ensureDurableAt({ ...durable, yieldsToOtherHosts }, current, this.host);
    if (isOver()) return;
    this.rereads = false;
    this.idle.reset();
    this.limited = (position.limited ?? []).join();
    condition.usable();
    if (this.use === 'pulling') return this.options.pull.renew();
    await usable(position);
    if (isOver()) return;
    this.use = 'pulling';
    this.options.pull.found();
  }
}

function isRefusal(error: unknown): boolean {
  return isJetplugError(error) && REFUSALS.has(error.code);
}
