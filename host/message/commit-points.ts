import type { Outcome } from './outcome';

/** The commit points of a run: the calls of `store.commit()`, one after the other. */
export class CommitPoints {
  /** How many points the run has passed. */
  passed = 0;
  /** Set if the run must end because a point could not be committed. */
  outcome: Outcome | undefined;
  private waiting: Promise<void> | undefined;

  get isPending(): boolean {
    return this.waiting !== undefined;
  }

  /** Does the work after that of earlier points. */
  async next(work: () => Promise<void>): Promise<void> {
    while (this.waiting) await this.waiting;
    const done = work();
    const waiting = done.then(ignore, ignore).then(() => (this.waiting = undefined));
    this.waiting = waiting;
    await done;
  }

  /** Resolves when no point is being committed. */
  async settled(): Promise<void> {
    while (this.waiting) await this.waiting;
  }
}

function ignore(): void {
  // The caller of the commit point gets the error.
}
