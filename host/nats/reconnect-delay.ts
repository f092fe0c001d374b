const FIRST_MS = 250;
const JITTER_MS = 250;
const LONGEST_REFUSED_MS = 5_000;

/**
 * The time that the client waits before it tries a server again: 250 to 500 ms. After each refused login the time
 * doubles, up to 5 s, because the credentials have to change first and each try is a line in the server's log.
 */
export class ReconnectDelay {
  private refusals = 0;
  private waitMs = this.next();

  /**
   * The current wait in milliseconds. The client reads it several times for one wait, so it does not change in between.
   */
  get ms(): number {
    return this.waitMs;
  }

  /** Makes the waits longer. Call it when the server has refused the login. */
  refused(): void {
    this.refusals++;
    this.waitMs = this.next();
  }

  /** Makes the waits short again. Call it when the connection is established. */
  connected(): void {
    this.refusals = 0;
    this.waitMs = this.next();
  }

  private next(): number {
    const base = Math.min(FIRST_MS * 2 ** this.refusals, LONGEST_REFUSED_MS);
    return Math.round(base + Math.random() * JITTER_MS);
  }
}
