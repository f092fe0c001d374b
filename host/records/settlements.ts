import { JetplugError } from '../../sdk/internal';
import type { Time, Timer } from '../base/time';
import { Conflict, type KeyValue } from './key-value';
import { encodeSettled, parseSettled, settledKey, type SettledRecord } from './settled-record';
import { CommitReads } from './commit-reads';
import { isOfLaterFormat } from './record-format';
import { SettledSet } from './settled-set';
import { SkippedSequences, type DurableCheckpoint, type DeliveryPosition } from './skipped-sequences';

export interface SettlementsOptions {
  /** The bucket `jetplug` with the host's own records. All hosts of a deployment share it. */
  readonly records: KeyValue;
  readonly durable: string;
  readonly stream: string;
  readonly streamCreated: string;
  /** Whether the handler's subject has wildcards. Only then can the durable's filter be narrower than that subject. */
  readonly hasWildcards: boolean;
  readonly time: Time;
  /** Reads the durable's state from the server; undefined if the durable does not exist. */
  checkpoint(): Promise<DurableCheckpoint | undefined>;
  /** Called when the settlements cannot be stored. The write is retried. */
  failed(error: unknown): void;
}

/** The delay from a settlement to its write. All settlements during this time share the write. */
const WRITE_DELAY_MS = 50;
const RETRY_DELAY_MS = 1_000;
/** The delay after which a record of a later version of Jetplug is read again. */
const UNREADABLE_RETRY_MS = 60_000;
/** If there are more ranges than this, a write first reads the durable's checkpoint, which merges ranges. */
const MANY_RANGES = 64;

/**
 * The messages that one handler has settled, in any host. The set is stored in the host's bucket and only grows.
 * A message in it is never applied again, even if the server loses an ack or a frozen host resumes late.
 */
export class Settlements {
  /** The stored settlements when this host last read or wrote them. */
  private stored = new SettledSet();
  /** The stored sequences and those that this host has settled since. */
  private readonly known = new SettledSet();
  private readonly skipped: SkippedSequences;
  private revisionRead = 0;
  private renewals: number | undefined;
  private dirty = false;
  private timer: Timer | undefined;
  private writing: Promise<boolean> | undefined;
  private positioned = false;
  /** Whether settlements of this stream are stored. */
  private recorded = false;
  /** Whether the stored settlements belong to a later stream of the same name. */
  private outdated = false;
  /** Whether the commits of settlements that other hosts have stored may not be read yet. */
  readonly commitReads = new CommitReads();
  /** Whether a later version of Jetplug has stored the settlements last. This host stores none then. */
  isUnreadable = false;

  /** Called when a commit says that another host has claimed the handler. */
  claimedElsewhere = (): void => undefined;

  private constructor(private readonly options: SettlementsOptions) {
    this.skipped = new SkippedSequences(this.known, options.hasWildcards);
  }

  static async open(options: SettlementsOptions): Promise<Settlements> {
    const settlements = new Settlements(options);
    await settlements.refresh();
    return settlements;
  }

  /** The floor: everything up to this sequence is settled. */
  get floor(): number {
    return this.known.floor;
  }

  /** The highest settled sequence; 0 if none is settled. */
  get last(): number {
    return this.known.last;
  }

  /** Whether the handler's position in this stream is known, from stored settlements or from its durable. */
  get knowsPosition(): boolean {
    return this.positioned;
  }

  get streamIncarnation(): string {
    return this.options.streamCreated;
  }

  get durable(): string {
    return this.options.durable;
  }

  /** Whether the message is settled, as far as this host knows. */
  has(sequence: number): boolean {
    return this.known.has(sequence);
  }

  /** Whether the message is settled in the stored settlements, which every host can read. */
  isStored(sequence: number): boolean {
    return this.stored.has(sequence);
  }

  /** Notes a delivery of the durable. Its numbers may show that the durable has skipped sequences. */
  delivered(delivery: DeliveryPosition): void {
    this.skipped.observe(delivery);
  }

  /** Notes that a message is settled, and schedules a write. */
  settle(sequence: number): void {
    this.known.add(sequence);
    this.dirty = true;
    this.timer ??= this.options.time.after(WRITE_DELAY_MS, () => void this.flush());
  }

  /** Notes that a commit has settled the sequences from `from` to `to`. The commit log has them until {@link store}. */
  noteSettled(from: number, to: number): void {
    this.known.add(from, to);
  }

  /** Stores all settled sequences that are known. Resolves when they are stored. */
  async store(): Promise<void> {
    if (this.outdated) return;
    this.dirty = true;
    if (!(await this.flush())) throw notStored(this.durable);
  }

  /** Reads the sequence up to which the durable delivers no event any more; 0 if that is not certain. */
  async ackFloor(): Promise<number> {
    const checkpoint = await this.options.checkpoint();
    return checkpoint?.isComplete ? checkpoint.ackFloor : 0;
  }

  /** Notes that everything up to the sequence is settled, as the server's ack floor shows. */
  settleUpTo(sequence: number): void {
    this.positioned = true;
    this.known.add(1, sequence);
  }

  /**
   * Stores the handler's start position, unless settlements of this stream are stored already. With it, a durable that
   * is deleted before the first settlement is created again at its old position.
   */
  async recordStart(): Promise<void> {
    if (this.recorded) return;
    this.dirty = true;
    await this.flush();
  }

  /**
   * Counts the sequences that the durable has skipped as settled, if the durable's settings let every event of the
   * handler through. Returns false if somebody has created the durable again: then the checkpoint does not belong to
   * the deliveries seen so far.
   */
  confirm(checkpoint: DurableCheckpoint): boolean {
    return this.skipped.confirm(checkpoint);
  }

  /** Follows the durable that was created at this time. If it is a new one, forgets the deliveries of the former. */
  follow(created: string): void {
    this.skipped.follow(created);
  }

  /** Forgets the deliveries seen so far, because a durable that was created again restarts its consumer sequence. */
  forgetDeliveries(): void {
    this.skipped.forgetDeliveries();
  }

  /** Reads the stored settlements again, to learn of those that other hosts have made. */
  async refresh(): Promise<void> {
    const { records, durable, stream, streamCreated } = this.options;
    const { renewals } = records;
    const entry = await records.get(settledKey(durable));
    this.renewals = renewals;
    const record = parseSettled(entry?.value, durable);
    this.isUnreadable = false;
    const same = record?.stream === stream && record.created === streamCreated;
    this.stored = new SettledSet(same ? record.ranges : []);
    this.recorded = same;
    this.outdated = record?.stream === stream && Date.parse(record.created) > Date.parse(streamCreated);
    // Those of a stream that was created again while no host ran give no position: the handler gets all events.
    if (record?.stream === stream && !this.outdated) this.positioned = true;
    this.known.merge(this.stored);
    this.commitReads.noteRecord();
    this.revisionRead = entry?.revision ?? 0;
  }

  /** Writes pending settlements. Resolves when those from before the call are stored; with false if they cannot be. */
  async flush(): Promise<boolean> {
    this.timer?.cancel();
    this.timer = undefined;
    // A write in flight may have begun before the last settlement.
    await this.writing;
    if (this.dirty) this.writing ??= this.write().finally(() => (this.writing = undefined));
    // If another call has begun this write, the write includes the settlements that this call waits for.
    return (await this.writing) ?? true;
  }

  /** Whether the stored settlements belong to a newer stream. Reads them first if the bucket was created again. */
  private async isOfLostStream(): Promise<boolean> {
    if (this.renewals !== this.options.records.renewals) await this.refresh();
    return this.outdated;
  }

  /** Stores the settlements. Resolves with false if they could not be stored; they are then stored later. */
  private async write(): Promise<boolean> {
    try {
      const checkpoint = this.known.size > MANY_RANGES ? await this.options.checkpoint() : undefined;
      if (checkpoint) this.confirm(checkpoint);
      for (;;) {
        // These settlements belong to a lost stream, which was created again. So they are not written.
        if (await this.isOfLostStream()) return true;
        this.dirty = false;
        const { records, durable, stream, streamCreated } = this.options;
        const ranges = JSON.parse(JSON.stringify(this.known)) as SettledRecord['ranges'];
        const text = encodeSettled({ stream, created: streamCreated, ranges });
        try {
          this.revisionRead = await records.put(settledKey(durable), text, this.revisionRead);
          this.stored = new SettledSet(ranges);
          this.recorded = true;
          return true;
        } catch (error) {
          if (!(error instanceof Conflict)) throw error;
          await this.refresh();
        }
      }
    } catch (error) {
      this.dirty = true;
      this.options.failed(error);
      this.isUnreadable = isOfLaterFormat(error);
      const delayMs = this.isUnreadable ? UNREADABLE_RETRY_MS : RETRY_DELAY_MS;
      this.timer ??= this.options.time.after(delayMs, () => void this.flush());
      return false;
    }
  }
}

function notStored(durable: string): JetplugError {
  return new JetplugError('JP_STORE_UNAVAILABLE', `the settlements of ${durable} could not be stored`);
}
