import { eventKey, partKey, type Commit, type Emit, type EventOf, type ReadTexts, type RunChanges } from './commit';
import { SettledSet } from '../settled-set';

/** The settled events of one handler, to which the log adds those that commits settle. */
export interface SettledEvents {
  readonly durable: string;
  /** The time at which the durable's stream was created. */
  readonly streamIncarnation: string;
  has(sequence: number): boolean;
  /** Notes that a commit has settled all sequences from `from` to `to`. */
  noteSettled(from: number, to: number): void;
  /** Stores all noted sequences, so that the log is not needed for them any more. */
  store(): Promise<void>;
}

/** A committed text that the bucket may not have yet. */
export interface UnfilledText {
  readonly text: string | null;
  readonly position: number;
  readonly sinceMs: number;
}

/** The part of a checkpoint that is not in the bucket. */
export interface FoldedParts {
  /** Emits of committed runs that may not be sent yet, by the part of the event. */
  readonly unsent: readonly (readonly [part: string, emits: readonly Emit[]])[];
  /** The committed parts of events that may run again, by event: the texts that each part has read. */
  readonly past: readonly (readonly [event: string, parts: readonly ReadTexts[]])[];
  /** Settled events of handlers that this host does not run, as ranges of sequences. */
  readonly settled: readonly (readonly [durable: string, incarnation: string, ranges: SettledSet])[];
}

/** The state that follows from the commits up to a position. Each commit is folded once, in order. */
export class FoldedLog {
  position = 0;
  /** Texts that the bucket may not have yet, by key, in the order of their positions. */
  readonly unfilled = new Map<string, UnfilledText>();
  /** Emits of committed runs that may not be sent yet, by the part of the event. */
  readonly unsent = new Map<string, readonly Emit[]>();
  /**
   * The committed parts of events that may run again, by event: events that are not settled and have passed a commit
   * point, and settled events whose after-commit work is not done.
   */
  readonly past = new Map<string, readonly ReadTexts[]>();
  /** For foreign values in the bucket that a commit takes up or replaces: the revision, by key. */
  readonly adopted = new Map<string, { readonly revision: number; readonly position: number }>();
  private readonly settledBy = new Map<string, SettledEvents>();
  /** The settled events of handlers that are not added yet. */
  private readonly others = new Map<string, { durable: string; incarnation: string; ranges: SettledSet }>();
  private filledTo = 0;

  constructor(private readonly nowMs: () => number) {}

  /** The position up to which the bucket has all texts. */
  get filled(): number {
    return this.filledTo;
  }

  /** Starts from a checkpoint. */
  restore(position: number, { unsent, past, settled }: FoldedParts): void {
    this.position = position;
    this.filledTo = position;
    this.unfilled.clear();
    this.unsent.clear();
    this.past.clear();
    for (const [part, emits] of unsent) this.unsent.set(part, emits);
    for (const [event, parts] of past) this.past.set(event, parts);
    for (const [durable, incarnation, ranges] of settled) {
      this.rangesOf({ durable, incarnation }).merge(ranges);
      this.handOver(durable, incarnation);
    }
  }

  /** Returns the part of a checkpoint that is not in the bucket. The settled events of added handlers are not in it. */
  get partsToKeep(): FoldedParts {
    return {
      unsent: [...this.unsent],
      past: [...this.past],
      settled: [...this.others.values()].map(({ durable, incarnation, ranges }) => [durable, incarnation, ranges]),
    };
  }

  /** Adds a handler: it receives the events that commits before and after this call settle. */
  add(settled: SettledEvents): void {
    this.settledBy.set(sourceKey(settled.durable, settled.streamIncarnation), settled);
    this.handOver(settled.durable, settled.streamIncarnation);
  }

  remove({ durable, streamIncarnation }: SettledEvents): void {
    this.settledBy.delete(sourceKey(durable, streamIncarnation));
  }

  /** Stores the settled events of the added handlers. */
  async storeSettled(): Promise<void> {
    await Promise.all([...this.settledBy.values()].map((settled) => settled.store()));
  }

  isSettled({ event }: Pick<RunChanges, 'event'>): boolean {
    if (!event) return false;
    const name = sourceKey(event.durable, event.incarnation);
    const settled = this.settledBy.get(name) ?? this.others.get(name)?.ranges;
    return settled?.has(event.sequence) ?? false;
  }

  /**
   * Returns the texts that each committed part of an event has read, if the event may run again. A run of the event
   * repeats these parts with the same texts, and its changes in them are dropped.
   */
  pastOf(event: EventOf): readonly ReadTexts[] {
    return this.past.size === 0 ? NONE : (this.past.get(eventKey(event)) ?? NONE);
  }

  /**
   * Returns the result of a run that must not be committed: its event is settled, or another run has committed a part
   * of the event that this run has not repeated.
   */
  fateOf(run: RunChanges): 'settled' | 'conflict' | undefined {
    if (this.isSettled(run)) return 'settled';
    const { event, passed = 0 } = run;
    return event && this.pastOf(event).length !== passed ? 'conflict' : undefined;
  }

  fold(position: number, { runs, sent, worked, adopted, filled }: Commit): void {
    this.position = position;
    const sinceMs = this.nowMs();
    // What is done was done before this commit was made, so it names no part of its runs.
    for (const part of sent) this.unsent.delete(part);
    for (const event of worked) this.past.delete(event);
    for (const run of runs) {
      this.foldEvent(run);
      for (const [key, text] of run.writes) {
        // A key that is set again moves to the end, so the order of positions is kept.
        this.unfilled.delete(key);
        this.unfilled.set(key, { text, position, sinceMs });
      }
    }
    for (const [key, revision] of adopted) {
      this.adopted.set(key, { revision: Math.max(revision, this.adopted.get(key)?.revision ?? 0), position });
    }
    if (filled !== undefined) this.filledUpTo(filled);
  }

  /** Notes that the bucket has all texts up to the position. */
  filledUpTo(position: number): void {
    if (position <= this.filledTo) return;
    this.filledTo = position;
    for (const [key, { position: at }] of this.unfilled) {
      if (at > position) break;
      this.unfilled.delete(key);
    }
    for (const [key, { position: at }] of this.adopted) if (at <= position) this.adopted.delete(key);
  }

  /** Notes that the bucket has this text of a key. */
  filledKey(key: string, text: UnfilledText): void {
    if (this.unfilled.get(key) === text) this.unfilled.delete(key);
  }

  private foldEvent({ event, part, hasWork, passed = 0, reads, emits }: RunChanges): void {
    if (!event) return;
    if (emits.length > 0) this.unsent.set(partKey(event, part), emits);
    if (part !== undefined || hasWork) this.foldPart(event, part === undefined ? passed : part - 1, reads ?? new Map());
    else if (this.past.size > 0) this.past.delete(eventKey(event));
    if (part !== undefined) return;
    const settled = this.settledBy.get(sourceKey(event.durable, event.incarnation));
    if (settled) settled.noteSettled(event.sequence, event.sequence);
    else this.rangesOf(event).add(event.sequence);
  }

  /** Notes what a part has read. A commit that a checkpoint holds already may be folded again. */
  private foldPart(event: EventOf, index: number, reads: ReadTexts): void {
    const past = [...this.pastOf(event)];
    past[index] = reads;
    this.past.set(eventKey(event), past);
  }

  private rangesOf({ durable, incarnation }: Pick<EventOf, 'durable' | 'incarnation'>): SettledSet {
    const name = sourceKey(durable, incarnation);
    let other = this.others.get(name);
    if (!other) this.others.set(name, (other = { durable, incarnation, ranges: new SettledSet() }));
    return other.ranges;
  }

  /** Moves the settled events of a handler to it, if it is added. */
  private handOver(durable: string, incarnation: string): void {
    const name = sourceKey(durable, incarnation);
    const settled = this.settledBy.get(name);
    const other = this.others.get(name);
    if (!settled || !other) return;
    for (const [from, to] of other.ranges.toJSON()) settled.noteSettled(from, to);
    this.others.delete(name);
  }
}

const NONE: readonly never[] = [];

function sourceKey(durable: string, incarnation: string): string {
  return `${durable} ${incarnation}`;
}
