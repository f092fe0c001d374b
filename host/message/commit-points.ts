import type { Outcome } from './outcome';

/** The commit points of a run: the calls of `store.commit()`, one after the other. */
export class CommitPoints {
  /** How many points the run has passed. */
  passed = 0;
  /** Set if the run must end because a point could not be committed. */
  outcome: Outcome | undefined;
  private isInCommit = false;
  private waiting: Promise<void> | undefined;
  private beginning: Promise<void> | undefined;
  private returned!: () => void;
  private readonly whenReturned = new Promise<void>((resolve) => (this.returned = resolve));

  /**
   * Resolves when the part behind the points that are called so far has begun; undefined if it has. An operation that
   * the handler calls behind a point which it does not await belongs to that part, in each run of the event.
   */
  get nextPart(): Promise<void> | undefined {
    return this.beginning;
  }

  /**
   * Does the work of a point after that of earlier points.
   * @param work calls `begin` when the next part begins; the end of the work begins it, too
   */
  async next(work: (begin: () => void) => Promise<void>): Promise<void> {
    let resolve!: () => void;
    const beginning = new Promise<void>((resolved) => (resolve = resolved));
    this.beginning = beginning;
    const begin = (): void => {
      if (this.beginning === beginning) this.beginning = undefined;
      resolve();
    };
    while (this.waiting) await this.waiting;
    const done = work(begin).finally(begin);
    const waiting = done.then(ignore, ignore).then(() => (this.waiting = undefined));
    this.waiting = waiting;
    await done;
  }

  /** Whether a part of the run is being committed, so that a timeout must not end the run. */
  get isCommitting(): boolean {
    return this.isInCommit;
  }

  async committing(work: () => Promise<void>): Promise<void> {
    this.isInCommit = true;
    try {
      await work();
    } finally {
      this.isInCommit = false;
    }
  }

  /** Waits for operations of the handler, until it has returned: an operation that is later has no effect. */
  async whileRunning(operations: Promise<unknown>): Promise<void> {
    await Promise.race([operations, this.whenReturned]);
  }

  /** Notes that the handler has returned. Resolves when no point is being committed. */
  async end(): Promise<void> {
    this.returned();
    while (this.waiting) await this.waiting;
  }
}

function ignore(): void {
  // The caller of the commit point gets the error.
}
