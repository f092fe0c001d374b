import type { Time } from '../base/time';
import type { DurableLook } from '../broker/durable';

/** Longer than a busy host runs events without asking for more or settling one, by the default timeout. */
const PATIENCE_MS = 60_000;

/**
 * Finds out when a durable that has the settings of another host, with another version of the plugin, is used by no host
 * any more. This host cannot pull from such a durable, so each pull request that waits is of another host.
 */
export class IdleDurable {
  /** Whether no host had used the durable for a minute when it was looked at last. */
  isOver = false;
  private sinceMs: number | undefined;
  private last = '';

  constructor(private readonly time: Time) {}

  /**
   * Notes the state of the durable.
   * @param isRefused whether this host cannot use the durable
   * @returns whether no host has used it for a minute. Events that wait play no part, because the durable may have
   * another subject than this host's handler
   */
  look(isRefused: boolean, { drift, pin, pulls, inFlight, pausedUntil, checkpoint }: DurableLook): boolean {
    const isOfOther = isRefused && drift.length > 0;
    const isUsed = pin !== undefined || pulls > 0 || pausedUntil !== undefined;
    const now = `${checkpoint.delivered} ${checkpoint.ackFloor} ${inFlight}`;
    const nowMs = this.time.nowMs();
    if (!isOfOther || isUsed) this.sinceMs = undefined;
    else if (this.sinceMs === undefined || now !== this.last) this.sinceMs = nowMs;
    this.last = now;
    this.isOver = this.sinceMs !== undefined && nowMs - this.sinceMs >= PATIENCE_MS;
    return this.isOver;
  }

  reset(): void {
    this.isOver = false;
    this.sinceMs = undefined;
  }
}
