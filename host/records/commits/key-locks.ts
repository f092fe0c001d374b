/** How many times a busy key must be locked without anybody waiting for it until it is not busy any more. */
const CALM_LOCKS = 64;
const MAX_BUSY = 1_000;

/** Locks of single keys within a host. */
export class KeyLocks {
  /** The callers that wait for each locked key, in their order. */
  private readonly waiting = new Map<string, (() => void)[]>();
  /** The keys on which runs have conflicted lately, with the number of calm locks that are left. */
  private readonly busy = new Map<string, number>();

  /** Whether a run should lock the key before it changes it: the key is locked, or runs have conflicted on it lately. */
  isBusy(key: string): boolean {
    return this.waiting.has(key) || this.busy.has(key);
  }

  /** Notes that a run that has changed the keys must start again. */
  noteConflict(keys: Iterable<string>): void {
    for (const key of keys) {
      this.busy.delete(key);
      this.busy.set(key, CALM_LOCKS);
      if (this.busy.size > MAX_BUSY) this.busy.delete(this.busy.keys().next().value!);
    }
  }

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
    if (next) return next();
    this.waiting.delete(key);
    const left = this.busy.get(key);
    if (left === undefined) return;
    if (left > 1) this.busy.set(key, left - 1);
    else this.busy.delete(key);
  }
}
