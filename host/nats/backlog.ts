/**
 * The publishes that wait for the connection, bounded in number, each with a time limit of its own. One timer serves
 * all of them; no timer runs while the backlog is empty.
 */
export class Backlog {
  private readonly waiting = new Set<Waiting>();
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = Infinity;

  /** @param maxWaiting the maximum number of publishes that wait at once */
  constructor(
    private readonly maxWaiting: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get isFull(): boolean {
    return this.waiting.size >= this.maxWaiting;
  }

  /** Resolves with true when the connection is back, with false when the time is up or the connection is closed. */
  wait(untilMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting.add({ untilMs, resolve });
      if (untilMs < this.timerAtMs) this.expireAt(untilMs);
    });
  }

  /**
   * Ends all waits.
   * @param isBack whether the connection is back; false if it is closed for good
   */
  release(isBack: boolean): void {
    const all = [...this.waiting];
    this.waiting.clear();
    this.stopTimer();
    for (const { resolve } of all) resolve(isBack);
  }

  private expireAt(atMs: number): void {
    this.stopTimer();
    this.timerAtMs = atMs;
    this.timer = setTimeout(() => this.expire(), Math.max(0, atMs - this.nowMs()));
  }

  private expire(): void {
    this.stopTimer();
    const nowMs = this.nowMs();
    let nextMs = Infinity;
    for (const one of this.waiting) {
      if (one.untilMs > nowMs) {
        nextMs = Math.min(nextMs, one.untilMs);
        continue;
      }
      this.waiting.delete(one);
      one.resolve(false);
    }
    if (nextMs < Infinity) this.expireAt(nextMs);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerAtMs = Infinity;
  }
}

interface Waiting {
  readonly untilMs: number;
  resolve(isBack: boolean): void;
}
