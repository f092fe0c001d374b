const FIRST_MS = 250;
const JITTER_MS = 250;
const LONGEST_REFUSED_MS = 5_000;

/**
 * How long the client waits before it tries a server again: 250 to 500 ms. After each refused login it
 * waits twice as long, up to 5 s: the credentials have to change first, and each try is a line in the server's log.
 */
export class ReconnectDelay {
  private refusals = 0;
  private waitMs = this.next();

  /** The client reads this several times for one wait, so it changes with a refusal only. */
  get ms(): number {
    return this.waitMs;
  }

  /** Call it when the server refused the login. */
  refused(): void {
    this.refusals++;
    this.waitMs = this.next();
  }

  /** Call it when the connection is established. */
  connected(): void {
    this.refusals = 0;
    this.waitMs = this.next();
  }

  private next(): number {
    const base = Math.min(FIRST_MS * 2 ** this.refusals, LONGEST_REFUSED_MS);
    return Math.round(base + Math.random() * JITTER_MS);
  }
}
