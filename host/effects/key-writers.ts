import { Conflict, type Entry, type KeyValue } from './key-value';
import { decodeMarks, encodeMarks, type HandlerMarks, type Mark, type Marks } from './marks';
import type { Settlements } from './settlements';

/** Makes the next text of a key from the present one; `undefined` stands for no value. */
export type Change = (current: string | undefined) => string | undefined;

/** Which update of which event a change is, so that it is applied once. */
export interface Author {
  readonly settlements: Settlements;
  readonly sequence: number;
  /** The how-manieth update of the key in the handler's run, from 0. */
  readonly ordinal: number;
}

/** The event that a handler is at was settled before, by another host or before a crash. */
export class AlreadySettled extends Error {
  override readonly name = 'AlreadySettled';
}

interface Pending {
  readonly change: Change;
  readonly author: Author | undefined;
  resolve(next: string | undefined): void;
  reject(error: unknown): void;
}

const MAX_REMEMBERED = 10_000;
/** With more marks than this, those of settled events are made droppable first. */
const MAX_MARKS_BYTES = 32_768;

/**
 * Writes keys by compare-and-set. The changes of one key are applied one after the other; those that
 * come while a write is under way are written together by the next one, so that a key which every
 * event changes costs a write for each round trip, not for each event. A change with an author is
 * marked beside the value; one whose mark is there already is answered from it and not applied.
 */
export class KeyWriters {
  private readonly pending = new Map<string, Pending[]>();
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

  /** Never rejects: what fails is told to those who wait for it. */
  private async drain(key: string, queue: Pending[]): Promise<void> {
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

  private async writeTogether(key: string, together: readonly Pending[]): Promise<void> {
    for (;;) {
      this.forgetWhatWasLost();
      const remembered = this.remembered.get(key);
      const entry = remembered ?? (await this.bucket.get(key));
      const batch = new Batch(entry, together);
      await Promise.all([...batch.outdated()].map((settlements) => settlements.refresh()));
      batch.apply();
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
      }
    }
  }

  private async store(key: string, revision: number, batch: Batch): Promise<void> {
    let marks = batch.marksHeader();
    if (marks.length > MAX_MARKS_BYTES) {
      await batch.flushSettlements();
      marks = batch.marksHeader();
    }
    const { text } = batch;
    const next = await (text === undefined
      ? this.bucket.delete(key, revision, marks)
      : this.bucket.put(key, text, revision, marks));
    this.remember(key, { value: text, revision: next, marks });
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

/** Changes of one key that are written together. */
class Batch {
  text: string | undefined;
  changed = false;
  private readonly marks: Record<string, HandlerMarks>;
  private readonly answers: (() => void)[] = [];

  constructor(
    entry: Entry | undefined,
    private readonly together: readonly Pending[],
  ) {
    this.text = entry?.value;
    this.marks = { ...(decodeMarks(entry?.marks) satisfies Marks) };
  }

  /** Authors by whose knowledge a dropped mark could pass for one that never was. */
  outdated(): Set<Settlements> {
    const found = new Set<Settlements>();
    for (const { author } of this.together) {
      if (!author) continue;
      const { durable, generation, revision } = author.settlements;
      const marks = this.marks[durable];
      if (marks?.g === generation && marks.r > revision) found.add(author.settlements);
    }
    return found;
  }

  /** Applies the changes in turn; one that throws changes nothing and fails alone. */
  apply(): void {
    for (const pending of this.together) {
      const { author, resolve, reject } = pending;
      const before = author && this.find(author);
      if (before) {
        // Where what it returned was too long to keep, the present value is the best answer.
        const text = before[3] ? this.text : (before[2] ?? undefined);
        this.answers.push(() => resolve(text));
      } else if (author?.settlements.has(author.sequence)) {
        this.answers.push(() =>
          reject(new AlreadySettled(`${author.settlements.durable}: ${author.sequence} is settled`)),
        );
      } else this.applyOne(pending);
    }
  }

  tell(): void {
    for (const answer of this.answers) answer();
  }

  /** The marks, without those of events that every host can know to be settled. */
  marksHeader(): string {
    for (const settlements of this.settlements()) {
      const { durable, generation, revision } = settlements;
      const marks = this.marks[durable];
      if (marks?.g !== generation) continue;
      this.marks[durable] = {
        g: generation,
        // Never less than marks were dropped by: who knows less must look first.
        r: Math.max(marks.r, revision),
        m: marks.m.filter(([sequence]) => !settlements.isStored(sequence)),
      };
    }
    return encodeMarks(this.marks);
  }

  async flushSettlements(): Promise<void> {
    await Promise.all([...this.settlements()].map((settlements) => settlements.flush()));
  }

  private applyOne({ change, author, resolve, reject }: Pending): void {
    let next: string | undefined;
    try {
      next = change(this.text);
    } catch (error) {
      this.answers.push(() => reject(error));
      return;
    }
    if (author || next !== this.text) this.changed = true;
    this.text = next;
    if (author) this.mark(author, next);
    this.answers.push(() => resolve(next));
  }

  private find({ settlements, sequence, ordinal }: Author): Mark | undefined {
    const marks = this.marks[settlements.durable];
    if (marks?.g !== settlements.generation) return undefined;
    return marks.m.find((mark) => mark[0] === sequence && mark[1] === ordinal);
  }

  private mark({ settlements, sequence, ordinal }: Author, text: string | undefined): void {
    const { durable, generation, revision } = settlements;
    const before = this.marks[durable];
    const same = before?.g === generation;
    this.marks[durable] = {
      g: generation,
      r: same ? before.r : revision,
      m: [...(same ? before.m : []), [sequence, ordinal, text ?? null]],
    };
  }

  private settlements(): Set<Settlements> {
    return new Set(this.together.flatMap(({ author }) => (author ? [author.settlements] : [])));
  }
}
