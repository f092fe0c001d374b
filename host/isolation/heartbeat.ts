import type { Time } from '../base/time';

/** How often a process without calls is pinged, which also reads its memory. */
const IDLE_PING_MS = 10_000;

/** Pings a process, and measures for how long the process has not answered. */
export class Heartbeat {
  private pingedAtMs = 0;
  private silentSinceMs: number | undefined;

  constructor(
    private readonly time: Time,
    private readonly ping: () => void,
  ) {}

  answered(): void {
    this.silentSinceMs = undefined;
  }

  /**
   * Pings the process unless it still owes an answer. An idle process is pinged at most every 10 s.
   * @returns for how many milliseconds the process has owed an answer
   */
  silentMs(isIdle: boolean): number {
    const nowMs = this.time.nowMs();
    if (this.silentSinceMs !== undefined) return nowMs - this.silentSinceMs;
    if (isIdle && nowMs - this.pingedAtMs < IDLE_PING_MS) return 0;
    this.pingedAtMs = this.silentSinceMs = nowMs;
    this.ping();
    return 0;
  }
}
