import type { ReadTexts } from './commit';
import type { Transaction } from './transaction';

/** The changes of one call for a batch, by the events for which they were made. */
export class BatchWrites {
  /** The event for which each key was used; `undefined` for a read, which names no event. */
  private readonly usedFor = new Map<string, object | undefined>();
  private readonly changedFor = new Map<string, object>();
  /** By event: the text of each key before its first change for the event, if the call had changed the key already. */
  private readonly before = new Map<object, Map<string, string | null | undefined>>();
  /** The keys that were read without a change, which names no event. */
  private readonly readKeys = new Set<string>();
  private readonly shared = new Set<string>();

  constructor(private readonly transaction: Transaction) {}

  /** Notes a read of a key. */
  noteRead(key: string): void {
    this.readKeys.add(key);
    this.use(key, undefined);
  }

  /** Notes that the function of a change reads a key for an event. */
  noteUse(key: string, event: object): void {
    this.use(key, event);
  }

  /** Notes a change of a key for an event, before the change is made. */
  noteChange(key: string, event: object): void {
    let before = this.before.get(event);
    if (!before) this.before.set(event, (before = new Map<string, string | null | undefined>()));
    if (!before.has(key)) before.set(key, this.transaction.writes.get(key));
    this.changedFor.set(key, event);
  }

  /** Whether a key was changed for the event, also if a later change of the key was made for another event. */
  hasChangesFor(event: object): boolean {
    return this.before.has(event);
  }

  /** Whether changes for different events may depend on each other, so that one cannot be left out. */
  get areEntangled(): boolean {
    for (const key of this.transaction.writes.keys()) if (this.shared.has(key)) return true;
    return false;
  }

  /** Returns the changes for one event. A key that was changed for several events belongs to the last one. */
  of(event: object): Map<string, string | null> {
    const own = new Map<string, string | null>();
    for (const key of this.before.get(event)?.keys() ?? []) {
      const text = this.transaction.writes.get(key);
      if (text !== undefined && this.changedFor.get(key) === event) own.set(key, text);
    }
    return own;
  }

  /**
   * Returns the texts from which the handler can be repeated with this event alone.
   * @param read the text of each key at its first use in the call
   */
  readsOf(event: object, read: ReadTexts): ReadTexts {
    const before = this.before.get(event);
    const texts = new Map<string, string | null>();
    for (const [key, text] of read) {
      const changed = before?.get(key);
      if (changed !== undefined) texts.set(key, changed);
      else if (before?.has(key) || this.readKeys.has(key)) texts.set(key, text);
    }
    return texts;
  }

  /** Drops the changes for an event. */
  drop(event: object): void {
    for (const [key, of] of this.changedFor) if (of === event) this.transaction.writes.delete(key);
  }

  private use(key: string, event: object | undefined): void {
    if (!this.usedFor.has(key)) this.usedFor.set(key, event);
    else if (this.usedFor.get(key) !== event) this.shared.add(key);
  }
}
