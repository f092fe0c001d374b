import { Conflict, type Entry, type KeyValue } from './key-value';
import { WriteBatch, type Author, type Change, type PendingWrite } from './write-batch';

const MAX_REMEMBERED = 10_000;
/** With more marks than this, those of settled events are made droppable first. */
const MANY_MARKS_BYTES = 32_768;

/**
 * Writes keys by compare-and-set. The changes of one key are applied one after the other; those that
 * come while a write is under way are written together by the next one, so that a key which every
 * event changes costs a write for each round trip, not for each event. A change with an author is
 * marked beside the value; one whose mark is there already is answered from it and not applied.
 */
export class KeyWriters {
  private readonly pending = new Map<string, PendingWrite[]>();
  /** What the last write left, to spare the read before the next; another writer's change shows as a conflict. */
  private readonly remembered = new Map<string, Entry>();
  private renewals: number | undefined;

  constructor(private readonly bucket: KeyValue) {
    this.renewals = bucket.renewals;
  }

  /** Resolves with the key's text as this change left it, once it is stored. */
  write(key: string, change: Change, author?: Author): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const queue = this.pending.get(key);
      if (queue) {
        queue.push({ change, author, resolve, reject });
        return;
      }
      const first = [{ change, author, resolve, reject }];
      this.pending.set(key, first);
      void this.drain(key, first);
    });
  }

  /** Removes the key without a trace; a change that is under way may come after, and then begins anew. */
  async purge(key: string): Promise<void> {
    this.remembered.delete(key);
    await this.bucket.purge(key);
  }

  /** Never rejects: what fails is told to those who wait for it. */
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
      this.forgetWhatWasLost();
      const remembered = this.remembered.get(key);
      const entry = remembered ?? (await this.bucket.get(key));
      const batch = new WriteBatch(entry, together);
      // Nearly always there is nothing to be awaited, and each turn for nothing costs about what the rest does.
      const outdated = batch.outdated();
      if (outdated.size > 0) await Promise.all([...outdated].map((settlements) => settlements.refresh()));
      if (batch.mustRecall) await batch.recall();
      const applied = batch.apply();
      if (applied) await applied;
      try {
        if (batch.changed) {
          await this.store(key, entry?.revision ?? 0, batch);
        } else if (remembered) {
          // No write that could conflict would show that another writer came: read it anew.
          this.remembered.delete(key);
          continue;
        }
        batch.tell();
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

  /** A bucket made again counts its revisions anew: one of old could fit another value. */
  private forgetWhatWasLost(): void {
    if (this.renewals === this.bucket.renewals) return;
    this.renewals = this.bucket.renewals;
    this.remembered.clear();
  }

  private remember(key: string, entry: Entry): void {
    // The oldest goes: a Map keeps the order of insertion.
    this.remembered.delete(key);
    this.remembered.set(key, entry);
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
  }
}
