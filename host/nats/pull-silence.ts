/** Detects that the server has sent neither a message nor a heartbeat for too long. */
export class PullSilence {
  private heard = false;
  private heardAtMs = 0;
  private reported = false;

  constructor(private readonly limitMs: number) {}

  /** Starts to wait for a sign of life, as the first request is sent. */
  start(): void {
    this.heardAtMs = performance.now();
  }

  /** A message or a heartbeat has arrived. */
  hear(): void {
    this.heard = true;
  }

  /**
   * Call it every few seconds. `silentMs` is set when the server has been silent for longer than the limit; `isNew` is
   * true the first time in a silence, so that it is logged once.
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
