/**
 * Throttles repeated log lines. The first line of a key is logged at once, and later ones at most once in each
 * interval.
 */
export class LogThrottle {
  private readonly logged = new Map<string, { atMs: number; suppressed: number }>();

  /** @param intervalMs the least time between two lines of one key */
  constructor(
    private readonly intervalMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /**
   * Decides whether a line of the key is logged now.
   * @returns the number of lines that were suppressed since the last logged line of the key; undefined to suppress this
   * line
   */
  note(key: string): number | undefined {
    const nowMs = this.nowMs();
    const before = this.logged.get(key);
    if (before && nowMs - before.atMs < this.intervalMs) {
      before.suppressed++;
      return undefined;
    }
    this.logged.set(key, { atMs: nowMs, suppressed: 0 });
    return before?.suppressed ?? 0;
  }
}
