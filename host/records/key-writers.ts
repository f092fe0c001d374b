import { Conflict, type Entry, type KeyValue } from './key-value';
import { WriteBatch, type UpdateIdentity, type Change, type PendingWrite } from './write-batch';

const MAX_REMEMBERED = 10_000;
/**
 * If the marks are longer than this, pending settlements are stored first, so that the marks of settled events can be
 * dropped.
 */
const MANY_MARKS_BYTES = 32_768;

/**
 * Writes keys by compare-and-set. The changes of one key are applied in order. Changes that arrive while a write is in
 * flight share the next write, so a key that every event changes costs one write for each round trip, not for each
 * event. A change that a run makes leaves a mark in the header of the value. A change whose mark is there already is a
 * repeat: it is not applied again, and its result is read from the mark.
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

  /**
   * Applies a change to the key. Resolves with the key's text after this change, when that text is stored.
   * @param identity identifies the change of a run; absent for a change from outside of a run
   */
  write(key: string, change: Change, identity?: UpdateIdentity): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const queue = this.pending.get(key);
      if (queue) {
        queue.push({ change, identity, resolve, reject });
        return;
      }
      const first = [{ change, identity, resolve, reject }];
      this.pending.set(key, first);
      void this.drain(key, first);
    });
  }

  /** Removes the key with all revisions. A change in flight may be applied afterwards, to an absent value. */
  async purge(key: string): Promise<void> {
    this.remembered.delete(key);
    await this.bucket.purge(key);
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
      const batch = new WriteBatch(entry, together);
      // Nearly always there is nothing to await, and an unneeded await costs about as much as the rest of this method.
      const outdated = batch.outdated();
      if (outdated.size > 0) await Promise.all([...outdated].map((settlements) => settlements.refresh()));
      if (batch.mustRecall) await batch.recall();
      const applied = batch.apply();
      if (applied) await applied;
      try {
        if (batch.changed) {
          await this.store(key, entry?.revision ?? 0, batch);
        } else if (remembered) {
          // Without a write no conflict would reveal another writer, so the key is read again.
          this.remembered.delete(key);
          continue;
        }
        batch.resolveAll();
        return;
      } catch (error) {
        this.remembered.delete(key);
        if (!(error instanceof Conflict)) throw error;
        batch.discard();
      }
    }
  }

  private async store(key: string, revision: number, batch: WriteBatch): Promise<void> {
    batch.dropSettled();
    let marks = batch.header();
    if (marks === undefined || marks.length > MANY_MARKS_BYTES) {
      await batch.flushSettlements();
      batch.dropSettled();
      marks = batch.header();
    }
    marks ??= await batch.headerWithTextsAside();
    const { text } = batch;
    const next = await (text === undefined
      ? this.bucket.delete(key, revision, marks)
      : this.bucket.put(key, text, revision, marks));
    this.remember(key, { value: text, revision: next, marks });
    batch.tidy();
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
