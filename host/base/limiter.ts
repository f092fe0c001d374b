/** A semaphore: at most `atATime` works run at the same time; the others wait in the order of their calls. */
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

  /** Resolves when it is the caller's turn; the caller ends its turn by calling the result, once. */
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
