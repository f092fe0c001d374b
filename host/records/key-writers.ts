import { Conflict, type Entry, type KeyValue } from './key-value';

/** Computes the next text of a key from the current one. */
export type Change = (current: string | undefined) => string | undefined;

/** A change that waits for its write, with the functions that settle its caller's promise. */
interface PendingWrite {
  readonly change: Change;
  resolve(next: string | undefined): void;
  reject(error: unknown): void;
}

const MAX_REMEMBERED = 10_000;

/**
 * Writes keys by compare-and-set. The changes of one key are applied in order. Changes that arrive while a write is in
 * flight share the next write.
 */
export class KeyWriters {
  private readonly pending = new Map<string, PendingWrite[]>();
  /**
   * The entry of each key's last write, so that the next write needs no read. If another writer has changed the key
   * since, the next write conflicts.
   */
  private readonly remembered = new Map<string, Entry>();
  private renewals: number | undefined;

  constructor(private readonly bucket: KeyValue) {
    this.renewals = bucket.renewals;
  }

  /** Applies a change to the key. Resolves with the key's text after this change, when that text is stored. */
  write(key: string, change: Change): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const queue = this.pending.get(key);
      if (queue) {
        queue.push({ change, resolve, reject });
        return;
      }
      const first = [{ change, resolve, reject }];
      this.pending.set(key, first);
      void this.drain(key, first);
    });
  }

  /**
   * Removes the key with all revisions, if there are any: in a cluster a removal costs much more than a read. A change in
   * flight may be applied afterwards, to an absent value.
   */
  async purge(key: string): Promise<void> {
    const isKnown = this.remembered.delete(key);
    if (isKnown || (await this.bucket.get(key))) await this.bucket.purge(key);
  }

  /**
   * Writes the changes that wait for the key. Never rejects: an error rejects the promises of the changes in the failed
   * write.
   */
  private async drain(key: string, queue: PendingWrite[]): Promise<void> {
    while (queue.length > 0) {
      const together = queue.splice(0);
      try {
        await this.writeTogether(key, together);
      } catch (error) {
        this.remembered.delete(key);
        for (const { reject } of together) reject(error);
      }
    }
    this.pending.delete(key);
  }

  private async writeTogether(key: string, together: readonly PendingWrite[]): Promise<void> {
    for (;;) {
      this.forgetLostBucket();
      const remembered = this.remembered.get(key);
      const entry = remembered ?? (await this.bucket.get(key));
      let text = entry?.value;
      const texts = together.map(({ change }) => (text = change(text)));
      if (text === entry?.value && remembered) {
        // Without a write no conflict would reveal another writer, so the key is read again.
        this.remembered.delete(key);
        continue;
      }
      try {
        if (text !== entry?.value) await this.store(key, text, entry?.revision ?? 0);
      } catch (error) {
        this.remembered.delete(key);
        if (!(error instanceof Conflict)) throw error;
        continue;
      }
      together.forEach(({ resolve }, i) => resolve(texts[i]));
      return;
    }
  }

  private async store(key: string, text: string | undefined, revision: number): Promise<void> {
    const next = await (text === undefined ? this.bucket.delete(key, revision) : this.bucket.put(key, text, revision));
    this.remember(key, { value: text, revision: next });
  }

  /**
   * Forgets all entries if the bucket was created again. It then restarts its revisions, so an old revision could match
   * another value.
   */
  private forgetLostBucket(): void {
    if (this.renewals === this.bucket.renewals) return;
    this.renewals = this.bucket.renewals;
    this.remembered.clear();
  }

  private remember(key: string, entry: Entry): void {
    // Evicts the oldest entry: a Map keeps the order of insertion.
    this.remembered.delete(key);
    this.remembered.set(key, entry);
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
  }
}
