import type { Transaction } from './transaction';

/** The largest and the smallest number of finished runs that may wait for their commit. */
const MOST = 2_000;
const LEAST = 100;

/**
 * Has runs wait before they read their first value, while too many finished runs wait for their commit. A commit of
 * another host makes many of those run again. So fewer may wait after a conflict, and more after each own commit.
 */
export class RunLimit {
  private most = MOST;
  private readonly waiting: (() => void)[] = [];
  private isAdmitting = false;

  /** @param finished returns how many finished runs wait for their commit */
  constructor(private readonly finished: () => number) {}

  /**
   * Has a run wait before its first read. A run that holds a lock, or that already waits, does not wait. The limit is not
   * exact: runs that have begun may finish above it.
   * @returns a promise if the run must wait
   */
  wait(run: Pick<Transaction, 'isEmpty' | 'locks' | 'isWaiting'>): Promise<void> | undefined {
    if (this.finished() < this.most || !run.isEmpty || (run.locks?.locked.size ?? 0) > 0 || run.isWaiting)
      return undefined;
    run.isWaiting = true;
    return new Promise<void>((resolve) => this.waiting.push(resolve)).then(() => {
      run.isWaiting = false;
    });
  }

  /** Notes that another host's commit has taken the place of an own one. */
  conflicted(): void {
    this.most = Math.max(LEAST, Math.floor(this.most / 2));
  }

  /** Notes that an own commit is in the log. */
  committed(): void {
    this.most = Math.min(MOST, this.most + Math.ceil(this.most / 10));
    this.admit();
  }

  /** Lets runs begin that wait. Call it when there are fewer finished runs. */
  admit(): void {
    if (this.isAdmitting || this.waiting.length === 0) return;
    this.isAdmitting = true;
    setImmediate(() => {
      this.isAdmitting = false;
      const free = this.most - this.finished();
      if (free <= 0) return;
      for (const resolve of this.waiting.splice(0, free)) resolve();
      // Runs that begin may end without a commit, after which nobody would call this method.
      this.admit();
    });
  }
}
