import { Conflict, type Entry, type KeyValue } from './key-value';

/** Makes the next text of a key from the present one; `undefined` stands for no value. */
export type Change = (current: string | undefined) => string | undefined;

interface Pending {
  readonly change: Change;
  resolve(next: string | undefined): void;
  reject(error: unknown): void;
}

const MAX_REMEMBERED = 10_000;

/**
 * Writes keys by compare-and-set. The changes of one key are applied one after the other; those that
 * come while a write is under way are written together by the next one, so that a key which every
 * event changes costs a write for each round trip, not for each event.
 */
export class KeyWriters {
  private readonly pending = new Map<string, Pending[]>();
  /** What the last write left, to spare the read before the next; another writer's change shows as a conflict. */
  private readonly remembered = new Map<string, Entry>();

  constructor(private readonly bucket: KeyValue) {}

  /** Resolves with the key's text as this change left it, once it is stored. */
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
      const remembered = this.remembered.get(key);
      const entry = remembered ?? (await this.bucket.get(key));
      const { text, settled } = applyAll(entry?.value, together);
      try {
        if (text !== entry?.value) {
          this.remember(key, { value: text, revision: await this.store(key, text, entry?.revision ?? 0) });
        } else if (remembered) {
          // No write that could conflict would show that another writer came: read it anew.
          this.remembered.delete(key);
          continue;
        }
        for (const tell of settled) tell();
        return;
      } catch (error) {
        this.remembered.delete(key);
        if (!(error instanceof Conflict)) throw error;
      }
    }
  }

  private store(key: string, text: string | undefined, revision: number): Promise<number> {
    return text === undefined ? this.bucket.delete(key, revision) : this.bucket.put(key, text, revision);
  }

  private remember(key: string, entry: Entry): void {
    // The oldest goes: a Map keeps the order of insertion.
    this.remembered.delete(key);
    this.remembered.set(key, entry);
    if (this.remembered.size > MAX_REMEMBERED) this.remembered.delete(this.remembered.keys().next().value!);
  }
}

/** Applies the changes in turn; one that throws changes nothing and fails alone. */
function applyAll(
  start: string | undefined,
  together: readonly Pending[],
): { text: string | undefined; settled: (() => void)[] } {
  let text = start;
  const settled = together.map(({ change, resolve, reject }) => {
    try {
      const next = change(text);
      text = next;
      return () => resolve(next);
    } catch (error) {
      return () => reject(error);
    }
  });
  return { text, settled };
}
