import type { PartedLog } from '../log/log';
import { LogThrottle } from '../base/log-throttle';
import type { Time } from '../base/time';
import type { DurableSpec, DurableLook } from '../broker/durable';

/** The same reason is logged again after so long. */
const SAY_AGAIN_MS = 600_000;

/** The reasons why a durable delivers nothing, for the log and for status queries. Each change is logged once. */
export class DurableCondition {
  pausedUntil: Date | undefined;
  /** Settings that another host of the deployment has given it. */
  drift: readonly string[] = [];
  /** Why the host does not use it, in words. */
  private unusable: string | undefined;
  /** Why the server refuses to deliver, in words. */
  private refusal: string | undefined;
  private refusedAtMs = 0;
  private lastFailure: string | undefined;
  private readonly repeats: LogThrottle;

  constructor(
    private readonly durable: DurableSpec,
    private readonly log: PartedLog,
    private readonly time: Time,
  ) {
    this.repeats = new LogThrottle(SAY_AGAIN_MS, () => time.nowMs());
  }

  /** Why nothing is delivered, unless it is paused; nothing where all is well. */
  get reason(): string | undefined {
    return this.unusable ?? this.refusal;
  }

  looked({ pausedUntil, drift }: DurableLook): void {
    const wasPaused = this.pausedUntil !== undefined;
    this.pausedUntil = pausedUntil;
    if (pausedUntil && !wasPaused) this.say('warn', 'a durable consumer is paused', { pausedUntil });
    if (!pausedUntil && wasPaused) this.say('info', 'a durable consumer is resumed');
    if (drift.length > 0 && drift.join() !== this.drift.join()) {
      this.say('warn', 'another host of the deployment has given a durable consumer other settings; they are left', {
        drift,
      });
    }
    this.drift = drift;
  }

  /** The server refuses pulls. */
  refused(reason: string): void {
    const isFirst = this.refusal === undefined;
    if (isFirst) this.refusedAtMs = this.time.nowMs();
    this.refusal = reason;
    const isNew = this.repeats.note(reason) !== undefined;
    if (isFirst || isNew) this.say('warn', 'the server refuses to deliver from a durable consumer', { reason });
  }

  /** The server takes pulls again. */
  served(): void {
    const forMs = Math.round(this.time.nowMs() - this.refusedAtMs);
    this.say('info', 'the server delivers from a durable consumer again', { reason: this.refusal, forMs });
    this.refusal = undefined;
  }

  /** The durable cannot be made, or not be used as it is; it is tried again. */
  failed(error: unknown, isRefusal: boolean): void {
    const text = error instanceof Error ? error.message : String(error);
    if (isRefusal) this.unusable = text;
    if (text === this.lastFailure) return;
    this.lastFailure = text;
    const message = isRefusal ? 'the durable consumer cannot be used' : 'the durable consumer cannot be made yet';
    this.say('warn', message, { err: error });
  }

  /** The durable is there and as it is to be. */
  usable(): void {
    if (this.unusable !== undefined) this.say('info', 'the durable consumer can be used again');
    this.unusable = undefined;
    this.lastFailure = undefined;
  }

  private say(level: 'info' | 'warn', message: string, details: object = {}): void {
    const { stream, durable, owner } = this.durable;
    this.log[level](message, { handler: owner.handler, stream, durable, ...details });
  }
}
