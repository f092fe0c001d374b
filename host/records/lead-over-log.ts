/**
 * Whether a record that other hosts write may be ahead of what this host has read of a plugin's commit log. An event may
 * be settled in the record, and only its commit says whether it still owes after-commit work.
 */
export class LeadOverLog {
  private reads = 0;
  private readsBeforeLog = 0;

  get isPossible(): boolean {
    return this.reads > this.readsBeforeLog;
  }

  /** Notes that the record was read. */
  grow(): void {
    this.reads++;
  }

  /** Reads the log, so that it has the commits of everything that was read from the record before this call. */
  async end(readLog: () => Promise<unknown>): Promise<void> {
    const { reads } = this;
    await readLog();
    this.readsBeforeLog = Math.max(this.readsBeforeLog, reads);
  }
}
