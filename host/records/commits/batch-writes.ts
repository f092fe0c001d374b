import type { Transaction } from './transaction';

/** The changes of one call for a batch, by the events for which they were made. */
export class BatchWrites {
  /** The event for which each key was used; `undefined` for a read, which names no event. */
  private readonly usedFor = new Map<string, object | undefined>();
  private readonly changedFor = new Map<string, object>();
  private readonly shared = new Set<string>();
  private readonly changing = new Set<object>();

  constructor(private readonly transaction: Transaction) {}

  /** Notes a read of a key. */
  noteRead(key: string): void {
    this.use(key, undefined);
  }

  /** Notes a change of a key for an event. */
  noteChange(key: string, event: object): void {
    this.use(key, event);
    this.changedFor.set(key, event);
    this.changing.add(event);
  }

  /** Whether a key was changed for the event, also if a later change of the key was made for another event. */
  hasChangesFor(event: object): boolean {
    return this.changing.has(event);
  }

  /** Whether changes for different events may depend on each other, so that one cannot be left out. */
  get areEntangled(): boolean {
    for (const key of this.transaction.writes.keys()) if (this.shared.has(key)) return true;
    return false;
  }

  /** Returns the changes for one event. A key that was changed for several events belongs to the last one. */
  of(event: object): Map<string, string | null> {
    const own = new Map<string, string | null>();
    for (const [key, text] of this.transaction.writes) if (this.changedFor.get(key) === event) own.set(key, text);
    return own;
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
