/** What may come thousands of times is said at once, and then, while it goes on, once in a while. */
export class LogThrottle {
  private readonly said = new Map<string, { atMs: number; leftOut: number }>();

  /** @param againMs after how long what goes on is said again */
  constructor(
    private readonly againMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** How many of its like were left out since it was last said; nothing where this one is to be left out too. */
  note(key: string): number | undefined {
    const nowMs = this.nowMs();
    const before = this.said.get(key);
    if (before && nowMs - before.atMs < this.againMs) {
      before.leftOut++;
      return undefined;
    }
    this.said.set(key, { atMs: nowMs, leftOut: 0 });
    return before?.leftOut ?? 0;
  }
}
