import { eventKey, type EventOf, type ReadTexts, type RunChanges } from './commit';

/** The committed parts of each event, as the texts that they have read. */
export type StoredParts = readonly (readonly [event: string, parts: readonly ReadTexts[]])[];

const NONE: readonly never[] = [];

/**
 * The committed parts of events that may run again: of events that are not settled and have passed a commit point, and of
 * settled events whose after-commit work is not done. A run of such an event repeats these parts: it sees the texts that
 * it saw before, and its changes in them are dropped.
 */
export class CommittedParts {
  private readonly parts = new Map<string, readonly ReadTexts[]>();

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }

  get entries(): StoredParts {
    return [...this.parts];
  }

  /** Starts from a checkpoint. */
  restore(entries: StoredParts): void {
    this.parts.clear();
    for (const [event, parts] of entries) this.parts.set(event, parts);
  }

  /** Returns the texts that each committed part of an event has read. */
  of(event: EventOf): readonly ReadTexts[] {
    return this.isEmpty ? NONE : (this.parts.get(eventKey(event)) ?? NONE);
  }

  /** Whether another run of the event has committed a part that this run has not repeated. */
  isOvertaken({ event, part, passed = part === undefined ? Infinity : part - 1 }: RunChanges): boolean {
    return event !== undefined && !this.isEmpty && this.of(event).length > passed;
  }

  /** Notes the changes of a run, which may be noted already. */
  fold({ event, part, passed = 0, hasWork, reads = new Map() }: RunChanges): void {
    if (!event) return;
    if (part !== undefined) this.set(event, part - 1, reads);
    else if (hasWork) this.set(event, passed, reads);
    else if (!this.isEmpty) this.parts.delete(eventKey(event));
  }

  /** Notes that the after-commit work of an event is done. Returns false if that was known. */
  noteWorkDone(name: string): boolean {
    return this.parts.delete(name);
  }

  private set(event: EventOf, index: number, reads: ReadTexts): void {
    const parts = [...this.of(event)];
    parts[index] = reads;
    this.parts.set(eventKey(event), parts);
  }
}
