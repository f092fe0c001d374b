/** The largest number of keys that are counted. */
const MAX_KEYS = 32;

/**
 * Counts conflicts by key. Only some keys are counted at a time: a new key takes the place of the one with the lowest
 * count and continues from it. So the count of a key that conflicts often is never too low, and at most a little too
 * high.
 */
export class ConflictKeys {
  private readonly counts = new Map<string, number>();

  note(key: string, times: number): void {
    const before = this.counts.get(key) ?? this.makeRoom();
    this.counts.set(key, before + times);
  }

  /** The key with the most conflicts; undefined if there was none. */
  get first(): { readonly key: string; readonly conflicts: number } | undefined {
    let first: { key: string; conflicts: number } | undefined;
    for (const [key, conflicts] of this.counts) {
      if (!first || conflicts > first.conflicts) first = { key, conflicts };
    }
    return first;
  }

  /** Removes the key with the lowest count if all places are taken. Returns that count, else 0. */
  private makeRoom(): number {
    if (this.counts.size < MAX_KEYS) return 0;
    const [[lowest, count]] = [...this.counts].sort(([, a], [, b]) => a - b) as [[string, number]];
    this.counts.delete(lowest);
    return count;
  }
}
