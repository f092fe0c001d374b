import type { PartedLog } from '../log/log';
import { LogThrottle } from '../base/log-throttle';
import type { Time } from '../base/time';
import type { DurableSpec, DurableLook } from '../broker/durable';

/** The time after which a reason that persists is logged again. */
const LOG_AGAIN_MS = 600_000;

/** The reasons why a durable delivers nothing, for the log and for status queries. Each change is logged once. */
export class DurableCondition {
  pausedUntil: Date | undefined;
  /** Settings of the durable that another host of the deployment has made, such as `ack_wait: 30 s → 15 s`. */
  drift: readonly string[] = [];
  /** Whether no host has the pin of a pinned durable, and none asks for it. */
  isOrphan = false;
  /** Why the host must not use the durable, in words. */
  private unusable: string | undefined;
  /** Why the server refuses to deliver, in words. */
  private refusal: string | undefined;
  private refusedAtMs = 0;
  private lastFailure: string | undefined;
  private readonly throttle: LogThrottle;

  constructor(
    private readonly durable: DurableSpec,
    private readonly log: PartedLog,
    private readonly time: Time,
  ) {
    this.throttle = new LogThrottle(LOG_AGAIN_MS, () => time.nowMs());
  }

  /** Why nothing is delivered, in words; undefined while events are delivered or the durable is paused. */
  get reason(): string | undefined {
    return this.unusable ?? this.refusal;
  }

  /** Notes the durable's state on the server. */
  checked({ pausedUntil, drift, pin, pulls }: DurableLook): void {
    this.isOrphan = pin === undefined && pulls === 0;
    const wasPaused = this.pausedUntil !== undefined;
    this.pausedUntil = pausedUntil;
    if (pausedUntil && !wasPaused) this.write('warn', 'a durable consumer is paused', { pausedUntil });
    if (!pausedUntil && wasPaused) this.write('info', 'a durable consumer is resumed');
    if (drift.length > 0 && drift.join() !== this.drift.join()) {
      this.write('warn', 'another host of the deployment has given a durable consumer other settings; they are kept', {
        drift,
      });
    }
    this.drift = drift;
  }

  /** Notes that the server refuses pulls. */
  refused(reason: string): void {
    const isFirst = this.refusal === undefined;
    if (isFirst) this.refusedAtMs = this.time.nowMs();
    this.refusal = reason;
    const isNew = this.throttle.note(reason) !== undefined;
    if (isFirst || isNew) this.write('warn', 'the server refuses to deliver from a durable consumer', { reason });
  }

  /** Notes that the server accepts pulls again. */
  served(): void {
    const forMs = Math.round(this.time.nowMs() - this.refusedAtMs);
    this.write('info', 'the server delivers from a durable consumer again', { reason: this.refusal, forMs });
    this.refusal = undefined;
  }

  /**
   * Notes that the durable could not be created or corrected. The host tries again.
   * @param isRefusal whether the host must not use the durable before an operator acts
   */
  failed(error: unknown, isRefusal: boolean): void {
    const text = error instanceof Error ? error.message : String(error);
    if (isRefusal) this.unusable = text;
    if (text === this.lastFailure) return;
    this.lastFailure = text;
    const message = isRefusal ? 'the durable consumer cannot be used' : 'the durable consumer cannot be made yet';
    this.write('warn', message, { err: error });
  }

  /** Notes that the durable exists and has the right settings. */
  usable(): void {
    if (this.unusable !== undefined) this.write('info', 'the durable consumer can be used again');
    this.unusable = undefined;
    this.lastFailure = undefined;
  }

  private write(level: 'info' | 'warn', message: string, details: object = {}): void {
    const { stream, durable, owner } = this.durable;
    this.log[level](message, { handler: owner.handler, stream, durable, ...details });
  }
}
