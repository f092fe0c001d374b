import { eventKey, type EventOf, type ReadTexts, type RunChanges } from './commit';

/** The committed parts of each event, as the texts that they have read. */
export type StoredParts = readonly (readonly [event: string, parts: readonly ReadTexts[]])[];

interface Parts {
  readonly reads: readonly ReadTexts[];
  /** The position of the first of these commits; 0 if it is not known, because a checkpoint holds it. */
  readonly position: number;
}

const NONE: readonly never[] = [];

/**
 * The committed parts of events that may run again: of events that are not settled and have passed a commit point, and of
 * settled events whose after-commit work is not done. A run of such an event repeats these parts: it sees the texts that
 * it saw before, and its changes in them are dropped.
 */
export class CommittedParts {
  private readonly parts = new Map<string, Parts>();

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }

  get entries(): StoredParts {
    return [...this.parts].map(([event, { reads }]) => [event, reads]);
  }

  /** The position of the first commit of each event. */
  get positions(): readonly (readonly [event: string, position: number])[] {
    return [...this.parts].map(([event, { position }]) => [event, position]);
  }

  /** Starts from a checkpoint. */
  restore(entries: StoredParts): void {
    this.parts.clear();
    for (const [event, reads] of entries) this.parts.set(event, { reads, position: 0 });
  }

  /** Returns the texts that each committed part of an event has read. */
  of(event: EventOf): readonly ReadTexts[] {
    return this.isEmpty ? NONE : (this.parts.get(eventKey(event))?.reads ?? NONE);
  }

  /** Whether another run of the event has committed a part that this run has not repeated. */
  isOvertaken({ event, part, passed = part === undefined ? Infinity : part - 1 }: RunChanges): boolean {
    return event !== undefined && !this.isEmpty && this.of(event).length > passed;
  }

  /** Notes the changes of a run, which may be noted already. */
  fold({ event, part, passed = 0, hasWork, reads = new Map() }: RunChanges, position: number): void {
    if (!event) return;
    if (part !== undefined) this.set(event, part - 1, reads, position);
    else if (hasWork) this.set(event, passed, reads, position);
    else if (!this.isEmpty) this.parts.delete(eventKey(event));
  }

  /** Notes that the after-commit work of an event is done. Returns false if that was known. */
  noteWorkDone(name: string): boolean {
    return this.parts.delete(name);
  }

  /**
   * Notes one part. A checkpoint may follow from later commits than the first ones that are folded after it. If it has
   * no earlier part of the event, the event will not run again.
   */
  private set(event: EventOf, index: number, reads: ReadTexts, position: number): void {
    const name = eventKey(event);
    const known = this.parts.get(name);
    const all = [...(known?.reads ?? NONE)];
    if (index > all.length) return;
    all[index] = reads;
    this.parts.set(name, { reads: all, position: known?.position ?? position });
  }
}
