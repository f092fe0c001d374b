import { AddedHandlers, sourceKey, type SettledEvents } from './added-handlers';
import { AdoptedRevisions } from './adopted-revisions';
import { Claims } from './claims';
import {
  eventKey,
  type Commit,
  type Departure,
  type Emit,
  type EventOf,
  type BucketFill,
  type RunChanges,
} from './commit';
import { CommittedParts, type StoredParts } from './committed-parts';
import { SettledSet } from '../settled-set';
import { UnfilledTexts, type UnfilledText } from './unfilled-texts';

/** The emits of an event's commits that may not be sent yet. */
export interface UnsentEmits {
  readonly emits: readonly Emit[];
  /** The position of the last of these commits. */
  readonly position: number;
}

/** An event that has left its stream, and the position of the commit that says so. */
export interface LeftEvent {
  readonly departure: Departure;
  readonly position: number;
}

/** The part of a checkpoint that is not in the bucket. */
export interface FoldedParts {
  /** Emits of committed runs that may not be sent yet, by event. */
  readonly unsent: readonly (readonly [event: string, unsent: readonly UnsentEmits[]])[];
  /** The events that have left their stream and whose dead letter or deferred event may not be stored yet. */
  readonly left: readonly (readonly [event: string, left: LeftEvent])[];
  /** The committed parts of events that may run again. */
  readonly parts: StoredParts;
  /** Foreign values that commits take up or replace, and that the bucket may still have. */
  readonly adopted: readonly (readonly [key: string, revision: number, position: number])[];
  /** Settled events of handlers that this host does not run, as ranges of sequences. */
  readonly settled: readonly (readonly [durable: string, incarnation: string, ranges: SettledSet])[];
  /** The hosts that have claimed a handler, by the handler's durable. */
  readonly claims: readonly (readonly [durable: string, host: string])[];
}

/** The state that follows from the commits up to a position. Each commit is folded once, in order. */
export class FoldedLog {
  position = 0;
  /** Texts that the bucket may not have yet, by key, in the order of their positions. */
  readonly unfilled = new UnfilledTexts();
  /** Emits of committed runs that may not be sent yet, by event: one entry for each commit. */
  readonly unsent = new Map<string, readonly UnsentEmits[]>();
  /** The events that have left their stream and whose dead letter or deferred event may not be stored yet. */
  readonly left = new Map<string, LeftEvent>();
  readonly adopted = new AdoptedRevisions();
  /** The committed parts of events that may run again. */
  readonly parts = new CommittedParts();
  /** The hosts that have claimed a handler. */
  readonly claims: Claims;
  private readonly added = new AddedHandlers();
  /** The settled events of handlers that are not added yet. */
  private readonly others = new Map<string, { durable: string; incarnation: string; ranges: SettledSet }>();
  /**
   * The position up to which this host must see by itself that the bucket is filled. Until then it does not trust what
   * other hosts have written in their commits, because the bucket may have been lost or restored since.
   */
  trustFrom = Infinity;
  /** A replica of the bucket that has reached this revision has all texts that are not in {@link unfilled}. */
  bucketRevision = 0;
  /** The position up to which the bucket has all texts. */
  filled = 0;

  /** @param host identifies the commits of this host */
  constructor(
    private readonly nowMs: () => number,
    host: string,
  ) {
    this.claims = new Claims(host);
  }

  /** Starts from a checkpoint. */
  restore({ position, revision }: BucketFill, { unsent, left, parts, adopted, settled, claims }: FoldedParts): void {
    this.position = position;
    this.filled = position;
    this.bucketRevision = revision;
    this.unfilled.clear();
    this.unsent.clear();
    this.left.clear();
    this.parts.restore(parts);
    this.adopted.restore(adopted);
    this.claims.restore(claims);
    for (const [event, commits] of unsent) this.unsent.set(event, commits);
    for (const [event, departure] of left) this.left.set(event, departure);
    for (const [durable, incarnation, ranges] of settled) {
      this.rangesOf({ durable, incarnation }).merge(ranges);
      this.handOver(durable, incarnation);
    }
  }

  /** Returns the part of a checkpoint that is not in the bucket. The settled events of added handlers are not in it. */
  get partsToKeep(): FoldedParts {
    return {
      unsent: [...this.unsent],
      left: [...this.left],
      parts: this.parts.entries,
      adopted: [...this.adopted].map(([key, { revision, position }]) => [key, revision, position]),
      settled: [...this.others.values()].map(({ durable, incarnation, ranges }) => [durable, incarnation, ranges]),
      claims: this.claims.entries,
    };
  }

  /** Adds a handler: it receives the events that commits before and after this call settle. */
  add(settled: SettledEvents): void {
    this.added.add(settled);
    this.handOver(settled.durable, settled.streamIncarnation);
  }

  /** Reads the stored settled events of the added handlers again. A checkpoint that was read before does not hold them. */
  async loadSettled(): Promise<void> {
    for (const settled of this.added.all) await settled.refresh();
  }

  /** Stores the settled events of the added handlers. */
  async storeSettled(): Promise<void> {
    await Promise.all(this.added.all.map((settled) => settled.store()));
  }

  /** Returns the added handler of an event, which {@link eventKey} names; undefined if it is not added. */
  handlerOf(name: string): { readonly settled: SettledEvents; readonly sequence: number } | undefined {
    const [durable = '', incarnation = '', sequence] = name.split(' ');
    const settled = this.added.of({ durable, incarnation });
    return settled && { settled, sequence: Number(sequence) };
  }

  isSettled({ event }: Pick<RunChanges, 'event'>): boolean {
    if (!event) return false;
    const settled = this.added.of(event) ?? this.others.get(sourceKey(event.durable, event.incarnation))?.ranges;
    return settled?.has(event.sequence) ?? false;
  }

  /** Returns the emits of the event's commits that may not be sent yet. */
  unsentOf(event: EventOf): readonly Emit[] {
    return (this.unsent.get(eventKey(event)) ?? []).flatMap(({ emits }) => emits);
  }

  /** Notes that nothing is left to do for the event's commits up to the position: their emits are sent. */
  noteSent(name: string, upTo: number): void {
    const later = this.unsent.get(name)?.filter(({ position }) => position > upTo) ?? [];
    if (later.length > 0) this.unsent.set(name, later);
    else this.unsent.delete(name);
    if (this.left.size > 0 && (this.left.get(name)?.position ?? Infinity) <= upTo) this.left.delete(name);
  }

  fold(position: number, commit: Commit): void {
    const { runs, sent, worked = [], adopted, filled } = commit;
    this.position = position;
    const sinceMs = this.nowMs();
    for (const run of runs) {
      this.foldEvent(run, position);
      for (const [key, text] of run.writes) {
        // A key that is set again moves to the end, so the order of positions is kept.
        this.unfilled.delete(key);
        this.unfilled.set(key, { text, position, sinceMs });
        this.adopted.changed(key, position);
      }
    }
    for (const [event, upTo] of sent) this.noteSent(event, upTo);
    for (const event of worked) this.parts.noteWorkDone(event);
    for (const durable of this.claims.fold(commit)) this.added.lost(durable);
    this.adopted.adopt(adopted, position);
    if (filled !== undefined && this.filled >= this.trustFrom) this.filledUpTo(filled.position, filled.revision);
  }

  /**
   * Notes that the bucket has all texts up to the position.
   * @param revision a revision by which it had them, if another host says so
   */
  filledUpTo(position: number, revision = 0): void {
    if (position <= this.filled) return;
    this.filled = position;
    this.bucketRevision = Math.max(this.bucketRevision, revision);
    for (const [key, { position: at }] of this.unfilled) {
      if (at > position) break;
      this.unfilled.delete(key);
    }
    this.adopted.filledUpTo(position);
  }

  /**
   * Notes that the bucket has only the texts of the commits up to a position. It needs all texts behind it again.
   * @param texts the last text of each key in the commits from there up to a position that is folded
   */
  refill({ position: filled, revision }: BucketFill, texts: ReadonlyMap<string, Omit<UnfilledText, 'sinceMs'>>): void {
    this.unfilled.merge(texts, this.nowMs());
    this.filled = Math.min(this.filled, filled);
    this.bucketRevision = revision;
    this.trustFrom = this.position;
  }

  /** Leaves out the commits up to the position, because they are lost. */
  skipTo(position: number): void {
    this.position = position;
  }

  /** Notes that the bucket has this text of a key, or a later one, since this revision. */
  filledKey(key: string, text: UnfilledText, revision: number): void {
    this.bucketRevision = Math.max(this.bucketRevision, revision);
    if (this.unfilled.get(key) === text) this.unfilled.delete(key);
  }

  private foldEvent(run: RunChanges, position: number): void {
    const { event, part, left, emits } = run;
    if (!event) return;
    if (emits.length > 0) this.foldEmits(eventKey(event), { emits, position });
    if (left) this.left.set(eventKey(event), { departure: left, position });
    this.parts.fold(run, position);
    if (part !== undefined) return;
    const settled = this.added.of(event);
    if (settled) settled.noteSettled(event.sequence, event.sequence);
    else this.rangesOf(event).add(event.sequence);
  }

  private foldEmits(name: string, unsent: UnsentEmits): void {
    const earlier = this.unsent.get(name);
    if (!earlier) this.unsent.set(name, [unsent]);
    // A checkpoint can hold the emits of commits that follow it.
    else if (earlier.every(({ position }) => position !== unsent.position)) this.unsent.set(name, [...earlier, unsent]);
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
    const settled = this.added.of({ durable, incarnation });
    const other = this.others.get(name);
    if (!settled || !other) return;
    for (const [from, to] of other.ranges.toJSON()) settled.noteSettled(from, to);
    this.others.delete(name);
  }
}
