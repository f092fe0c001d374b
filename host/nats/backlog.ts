/**
 * What waits for the connection to return, bounded in number; each for its own time. One timer serves
 * all, and none runs while nothing waits.
 */
export class Backlog {
  private readonly waiting = new Set<Waiting>();
  private timer: NodeJS.Timeout | undefined;
  private timerAtMs = Infinity;

  /** @param most so many may wait at once */
  constructor(
    private readonly most: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  get isFull(): boolean {
    return this.waiting.size >= this.most;
  }

  /** Resolves when the connection is back, with `true`, or when the moment has come, with `false`. */
  wait(untilMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.waiting.add({ untilMs, resolve });
      if (untilMs < this.timerAtMs) this.wakeAt(untilMs);
    });
  }

  /** The connection is back, or will never be: nothing waits any longer. */
  release(isBack: boolean): void {
    const all = [...this.waiting];
    this.waiting.clear();
    this.stopTimer();
    for (const { resolve } of all) resolve(isBack);
  }

  private wakeAt(atMs: number): void {
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
    if (nextMs < Infinity) this.wakeAt(nextMs);
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
