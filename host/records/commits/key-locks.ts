/** Locks of single keys within a host. */
export class KeyLocks {
  /** The callers that wait for each locked key, in their order. */
  private readonly waiting = new Map<string, (() => void)[]>();

  /** Locks the key and returns the release, if the key is free. */
  lockFree(key: string): (() => void) | undefined {
    if (this.waiting.has(key)) return undefined;
    this.waiting.set(key, []);
    return () => this.release(key);
  }

  /** Locks the keys, in their sorted order so that two callers never wait for each other. Resolves with the release. */
  async lock(keys: Iterable<string>): Promise<() => void> {
    const releases: (() => void)[] = [];
    for (const key of [...new Set(keys)].sort()) releases.push(await this.lockOne(key));
    return () => {
      for (const release of releases) release();
    };
  }

  /** Locks the key when all callers before have released it. */
  lockOne(key: string): Promise<() => void> {
    return new Promise((resolve) => {
      const release = this.lockFree(key);
      if (release) resolve(release);
      else this.waiting.get(key)!.push(() => resolve(() => this.release(key)));
    });
  }

  private release(key: string): void {
    const next = this.waiting.get(key)!.shift();
    if (next) next();
    else this.waiting.delete(key);
  }
}
