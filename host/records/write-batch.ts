import { isPromise, type MaybePromise } from '../base/maybe-promise';
import type { Entry } from './key-value';
import type { LongTexts } from './long-texts';
import {
  decodeMarks,
  encodeIfShort,
  encodeMarks,
  longTexts,
  recordsOf,
  withoutLongTexts,
  type HandlerMarks,
  type Mark,
  type Marks,
  type SetAside,
} from './marks';
import type { Settlements } from './settlements';

/** Computes the next text of a key from the current one; `undefined` means no value. */
export type Change = (current: string | undefined) => MaybePromise<string | undefined>;

/** Identifies the change of a run by its event and its index within the run, so that the change is applied once. */
export interface UpdateIdentity {
  readonly settlements: Settlements;
  /** Stores the change's result if it is too long for the value's header. */
  readonly texts: LongTexts;
  readonly sequence: number;
  /** The index of the change among the run's updates of the key, from 0. */
  readonly ordinal: number;
}

/** Thrown when the event that a handler runs was settled before, by another host or before a crash. */
export class AlreadySettled extends Error {
  override readonly name = 'AlreadySettled';

  constructor(
    readonly durable: string,
    readonly sequence: number,
  ) {
    super(`${durable}: message ${sequence} is already settled`);
  }
}

/** A change that waits for its write, with the functions that settle its caller's promise. */
export interface PendingWrite {
  readonly change: Change;
  readonly identity: UpdateIdentity | undefined;
  resolve(next: string | undefined): void;
  reject(error: unknown): void;
}

const NONE: ReadonlySet<Settlements> = new Set();

/** Changes of one key that share a write. */
export class WriteBatch {
  text: string | undefined;
  changed = false;
  private readonly before: Marks;
  private marks: Record<string, HandlerMarks>;
  /** The long texts that hold results of repeats, by the name under which they are stored. */
  private readonly recalled = new Map<string, SetAside>();
  /** The name of the long texts that this write has stored, if any. */
  private made: string | undefined;
  private readonly answers: (() => void)[] = [];

  constructor(
    entry: Entry | undefined,
    private readonly together: readonly PendingWrite[],
  ) {
    this.text = entry?.value;
    this.before = decodeMarks(entry?.marks, entry?.value);
    this.marks = { ...this.before };
  }

  /**
   * Returns the settlements to refresh: another host may have dropped a mark, which looks as if it had never existed.
   */
  outdated(): ReadonlySet<Settlements> {
    let found = NONE;
    for (const { identity } of this.together) {
      if (!identity) continue;
      const { durable, streamIncarnation, revision } = identity.settlements;
      const marks = this.marks[durable];
      if (marks?.g === streamIncarnation && marks.r > revision) found = new Set([...found, identity.settlements]);
    }
    return found;
  }

  /** Whether the result of a repeat is stored as a long text. */
  get mustRecall(): boolean {
    return this.together.some(({ identity }) => identity && this.find(identity)?.[3] !== undefined);
  }

  /** Reads the long texts with the results of repeats, each name once. */
  async recall(): Promise<void> {
    for (const { identity } of this.together) {
      const record = identity && this.find(identity)?.[3];
      if (record === undefined || this.recalled.has(record)) continue;
      const text = await identity!.texts.get(record);
      if (text !== undefined) this.recalled.set(record, JSON.parse(text) as SetAside);
      // If the long texts are missing, another host has usually settled the event and dropped its mark.
      else await identity!.settlements.refresh();
    }
  }

  /** Applies the changes from index `first` on. If a change throws, it changes nothing and only its promise rejects. */
  apply(first = 0): MaybePromise<void> {
    for (let i = first; i < this.together.length; i++) {
      const answered = this.answer(this.together[i]!);
      if (isPromise(answered)) return answered.then(() => this.apply(i + 1));
    }
  }

  /** Resolves or rejects the promises of all changes. */
  resolveAll(): void {
    for (const answer of this.answers) answer();
  }

  /** Drops the marks of events whose settlement is stored, where every host can read it. */
  dropSettled(): void {
    for (const settlements of this.settlements()) {
      const { durable, streamIncarnation, revision } = settlements;
      const marks = this.marks[durable];
      if (marks?.g !== streamIncarnation) continue;
      this.marks[durable] = {
        g: streamIncarnation,
        // The revision never decreases. A host that has read an older one must refresh its settlements before it trusts
        // the marks.
        r: Math.max(marks.r, revision),
        m: marks.m.filter(([sequence]) => !settlements.isStored(sequence)),
      };
    }
  }

  /** Returns the marks as a header; undefined if they are too long. */
  header(): string | undefined {
    return encodeIfShort(this.marks, this.text);
  }

  /**
   * Stores the long texts under a new name, and returns the marks with that name as a header. If the write of the value
   * conflicts, only this name is left to remove.
   */
  async headerWithTextsAside(): Promise<string> {
    const texts = longTexts(this.marks, this.text);
    if (texts.length > 0) {
      this.made = await this.texts!.put(JSON.stringify(texts));
      this.marks = withoutLongTexts(this.marks, this.text, this.made);
    }
    // With over a thousand events in flight the header may be too long. The server then rejects it, and they are
    // retried.
    // and the events are retried.
    return encodeMarks(this.marks, this.text);
  }

  /** After the write, removes the long texts that no mark names any more. Does not wait for the removal. */
  tidy(): void {
    const before = recordsOf(this.before);
    if (this.made !== undefined) before.add(this.made);
    if (before.size === 0) return;
    const after = recordsOf(this.marks);
    for (const name of before) if (!after.has(name)) void this.texts?.remove(name);
  }

  /** After a conflict, removes the long texts of this write, which no mark names. */
  discard(): void {
    if (this.made !== undefined) void this.texts?.remove(this.made);
  }

  async flushSettlements(): Promise<void> {
    await Promise.all([...this.settlements()].map((settlements) => settlements.flush()));
  }

  private answer(pending: PendingWrite): MaybePromise<void> {
    const { identity } = pending;
    const before = identity && this.find(identity);
    if (before && this.isAvailable(before)) this.repeat(pending, this.returned(before, identity));
    else if (identity?.settlements.has(identity.sequence)) this.refuse(pending, identity);
    else if (before) this.repeat(pending, this.bestGuess(before, identity));
    else return this.applyOne(pending);
  }

  private applyOne(pending: PendingWrite): MaybePromise<void> {
    const failed = (error: unknown): void => void this.answers.push(() => pending.reject(error));
    try {
      const next = pending.change(this.text);
      if (isPromise(next)) return next.then((text) => this.take(pending, text), failed);
      this.take(pending, next);
    } catch (error) {
      failed(error);
    }
  }

  private take({ identity, resolve }: PendingWrite, next: string | undefined): void {
    if (identity || next !== this.text) this.changed = true;
    this.text = next;
    if (identity) this.mark(identity, next);
    this.answers.push(() => resolve(next));
  }

  private isAvailable([, , , record]: Mark): boolean {
    return record === undefined || this.recalled.has(record);
  }

  private returned([sequence, ordinal, text, record]: Mark, { settlements }: UpdateIdentity): string | undefined {
    if (record === undefined) return text ?? undefined;
    const { durable } = settlements;
    const kept = this.recalled.get(record)!;
    return kept.find((one) => one[0] === durable && one[1] === sequence && one[2] === ordinal)?.[3];
  }

  /** Logs that a long text was removed by hand. Returns the current value, the best remaining answer. */
  private bestGuess([sequence, , , record]: Mark, { texts, settlements }: UpdateIdentity): string | undefined {
    texts.missed(record!, { durable: settlements.durable, sequence });
    return this.text;
  }

  private repeat({ resolve }: PendingWrite, text: string | undefined): void {
    this.answers.push(() => resolve(text));
  }

  private refuse({ reject }: PendingWrite, { settlements, sequence }: UpdateIdentity): void {
    this.answers.push(() => reject(new AlreadySettled(settlements.durable, sequence)));
  }

  private find({ settlements, sequence, ordinal }: UpdateIdentity): Mark | undefined {
    const marks = this.marks[settlements.durable];
    if (marks?.g !== settlements.streamIncarnation) return undefined;
    return marks.m.find((mark) => mark[0] === sequence && mark[1] === ordinal);
  }

  private mark({ settlements, sequence, ordinal }: UpdateIdentity, text: string | undefined): void {
    const { durable, streamIncarnation, revision } = settlements;
    const before = this.marks[durable];
    const same = before?.g === streamIncarnation;
    this.marks[durable] = {
      g: streamIncarnation,
      r: same ? before.r : revision,
      m: [...(same ? before.m : []), [sequence, ordinal, text ?? null]],
    };
  }

  /** The store for long texts. All runs share one; without a run's change the batch adds and drops no marks. */
  private get texts(): LongTexts | undefined {
    return this.together.find(({ identity }) => identity)?.identity?.texts;
  }

  private settlements(): Set<Settlements> {
    const found = new Set<Settlements>();
    for (const { identity } of this.together) if (identity) found.add(identity.settlements);
    return found;
  }
}
