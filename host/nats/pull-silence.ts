/** Detects that the server has sent neither a message nor a heartbeat for too long. */
export class PullSilence {
  private heard = false;
  private heardAtMs = 0;
  private reported = false;

  constructor(private readonly limitMs: number) {}

  /** Starts to wait for a message or a heartbeat. Call it when the first request is sent. */
  start(): void {
    this.heardAtMs = performance.now();
  }

  /** Notes that a message or a heartbeat has arrived. */
  hear(): void {
    this.heard = true;
  }

  /**
   * Returns a result if the server has been silent for longer than the limit; `isNew` is true the first time in a
   * silence, so that each silence is logged once. Call this method every few seconds.
   */
  check(): { readonly silentMs: number; readonly isNew: boolean } | undefined {
    const nowMs = performance.now();
    if (this.heard) {
      this.heard = false;
      this.reported = false;
      this.heardAtMs = nowMs;
      return undefined;
    }
    const silentMs = nowMs - this.heardAtMs;
    if (silentMs < this.limitMs) return undefined;
    const isNew = !this.reported;
    this.reported = true;
    return { silentMs, isNew };
  }
}
