/**
 * Whether this host may not have read commits that settle events which it knows to be settled, because it has read a
 * record that other hosts write. Only the commit says whether an event still owes after-commit work.
 */
export class CommitReads {
  private recordReads = 0;
  private recordReadsBeforeLog = 0;

  get areLate(): boolean {
    return this.recordReads > this.recordReadsBeforeLog;
  }

  /** Notes that the record was read. */
  noteRecord(): void {
    this.recordReads++;
  }

  /** Reads the log, so that it has the commits of everything that was read from the record before this call. */
  async catchUp(readLog: () => Promise<unknown>): Promise<void> {
    const { recordReads } = this;
    await readLog();
    this.recordReadsBeforeLog = Math.max(this.recordReadsBeforeLog, recordReads);
  }
}
