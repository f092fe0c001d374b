/** Throttles repeated log lines: the first is logged at once, and later ones of the same key once in each interval. */
export class LogThrottle {
  private readonly logged = new Map<string, { atMs: number; suppressed: number }>();

  /** @param intervalMs the least time between two lines of one key */
  constructor(
    private readonly intervalMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** The number of lines of the key that were suppressed since the last; undefined if this line is to be suppressed too. */
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
