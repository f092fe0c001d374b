/** A semaphore. At most `atATime` tasks run at the same time; the others wait in the order of their calls. */
export class Limiter {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly atATime: number) {}

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.atATime) await this.turn();
    else this.running++;
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /**
   * Waits for a permit. Resolves with a function that releases the permit; the caller must call that function exactly
   * once.
   */
  async acquire(): Promise<() => void> {
    if (this.running >= this.atATime) await this.turn();
    else this.running++;
    return () => this.release();
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.running--;
  }
}
