/** Locks of single keys within a host. A run that had to run again locks the keys that it touched. */
export class KeyLocks {
  /** Resolves when the key's present holder and all that wait for it have released it. */
  private readonly tails = new Map<string, Promise<void>>();

  /** Resolves when the key is free; undefined if it is free now. */
  whenFree(key: string): Promise<void> | undefined {
    return this.tails.get(key);
  }

  /** Locks the keys, in their sorted order so that two callers never wait for each other. Resolves with the release. */
  async lock(keys: Iterable<string>): Promise<() => void> {
    const releases: (() => void)[] = [];
    for (const key of [...new Set(keys)].sort()) releases.push(await this.lockOne(key));
    return () => {
      for (const release of releases) release();
    };
  }

  private async lockOne(key: string): Promise<() => void> {
    const before = this.tails.get(key);
    let free!: () => void;
    const tail = new Promise<void>((resolve) => (free = resolve));
    this.tails.set(key, tail);
    await before;
    return () => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
      free();
    };
  }
}
