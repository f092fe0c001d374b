import { Conflict, type KeyValue } from './key-value';
import { SettledSet } from './settled-set';

/** What the settlements of one handler are kept under, and how they were left. */
interface SettledRecord {
  readonly stream: string;
  /** When the stream was made: one made again counts its sequences anew. */
  readonly created: string;
  readonly ranges: readonly (readonly [number, number])[];
}

/** How a durable is on the server. */
export interface DurableCheckpoint {
  /** When it was made: one that was made again counts its deliveries anew. */
  readonly created: string;
  /** The last sequence of the stream that it has delivered or passed over. */
  readonly delivered: number;
  /** Up to which sequence the server holds everything for settled. */
  readonly ackFloor: number;
  /** Whether its filter and its `max_deliver` let every event of the handler through. */
  readonly isComplete: boolean;
}

export interface SettlementsOptions {
  /** The host's own bucket. */
  readonly records: KeyValue;
  readonly durable: string;
  readonly stream: string;
  readonly streamCreated: string;
  /** Whether the handler's subject has wildcards: a durable with a narrower filter may then deliver some of its events. */
  readonly hasWildcards: boolean;
  /** Looks at the durable; nothing where it is gone. */
  checkpoint(): Promise<DurableCheckpoint | undefined>;
  /** Told when the record cannot be written; it is tried again. */
  failed(error: unknown): void;
}

/** How soon what was settled is written; together with all that settles meanwhile. */
const WRITE_DELAY_MS = 50;
const RETRY_DELAY_MS = 1_000;
/** With more ranges than this the durable is looked at, to fold them up. */
const MANY_RANGES = 64;

/**
 * Which messages one handler has settled, in any host: kept in the host's bucket and only growing. A
 * message in it is never applied again, even if the server forgets an ack or a frozen host wakes late.
 */
export class Settlements {
  /** What the server's record held when this host last read or wrote it. */
  private stored = new SettledSet();
  /** The same with what this host has settled since. */
  private readonly known = new SettledSet();
  /**
   * Sequences that the durable has passed over, for whatever reason: somebody may have narrowed its filter. They
   * count as settled after a look at the durable has found its filter right.
   */
  private readonly gaps = new SettledSet();
  /** When the durable was made whose deliveries come. */
  private durableCreated: string | undefined;
  private revisionRead = 0;
  private renewals: number | undefined;
  private dirty = false;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private positioned = false;
  /** Whether the server has a record of this stream. */
  private recorded = false;
  /** Whether the record is of a later stream by this name. */
  private outdated = false;
  private lastDelivery: { consumerSequence: number; firstSequence: number } | undefined;

  private constructor(private readonly options: SettlementsOptions) {}

  static async open(options: SettlementsOptions): Promise<Settlements> {
    const settlements = new Settlements(options);
    await settlements.refresh();
    return settlements;
  }

  /** The revision of the record that {@link isStored} speaks of. */
  get revision(): number {
    return this.revisionRead;
  }

  /** Everything up to here is settled. */
  get floor(): number {
    return this.known.floor;
  }

  /** The last message that is settled. */
  get last(): number {
    return this.known.last;
  }

  /** Whether it is known how far the handler is in this stream: by the record, or by its durable. */
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

  /** Whether every host can know that it is. */
  isStored(sequence: number): boolean {
    return this.stored.has(sequence);
  }

  /**
   * Learns from a delivery which sequences the durable passes over: a first delivery that comes right
   * after another delivery has none of the durable's own between itself and the first one before it.
   * A durable that delivers events of a subject without wildcards has the handler's filter, so that these
   * sequences count as settled at once; all others wait for {@link confirm}.
   */
  delivered(delivery: { consumerSequence: number; sequence: number; deliveryCount: number }): void {
    const last = this.lastDelivery;
    const inRow = delivery.consumerSequence === (last?.consumerSequence ?? 0) + 1;
    const first = delivery.deliveryCount === 1;
    if (first && inRow) {
      const passedOver = this.options.hasWildcards ? this.gaps : this.known;
      passedOver.add((last?.firstSequence ?? 0) + 1, delivery.sequence - 1);
    }
    if (first) this.lastDelivery = { consumerSequence: delivery.consumerSequence, firstSequence: delivery.sequence };
    else if (last) this.lastDelivery = inRow ? { ...last, consumerSequence: delivery.consumerSequence } : undefined;
  }

  /** The message needs nothing more from this handler. */
  settle(sequence: number): void {
    this.known.add(sequence);
    this.dirty = true;
    this.timer ??= setTimeout(() => void this.flush(), WRITE_DELAY_MS);
  }

  /** Everything up to the sequence is settled, says the server. */
  settleUpTo(sequence: number): void {
    this.positioned = true;
    this.known.add(1, sequence);
  }

  /**
   * Stores where the handler begins, unless a record is there already: a durable that is deleted before anything has
   * settled is then made again where it stood.
   */
  async recordStart(): Promise<void> {
    if (this.recorded) return;
    this.dirty = true;
    await this.flush();
  }

  /**
   * Counts the sequences that the durable has passed over as settled, if its settings let every event of the handler
   * through. False where it is another durable than the one whose deliveries come: somebody has made it again.
   */
  confirm({ created, delivered, ackFloor, isComplete }: DurableCheckpoint): boolean {
    if (created !== this.durableCreated) return false;
    if (!isComplete) return true;
    this.known.merge(this.gaps.takeUpTo(delivered));
    this.known.add(1, ackFloor);
    return true;
  }

  /** From now on the deliveries come from the durable that was made then. */
  follow(created: string): void {
    if (created !== this.durableCreated) this.forgetDeliveries();
    this.durableCreated = created;
  }

  /** The durable may have been made again, in which case it counts its deliveries anew. */
  forgetDeliveries(): void {
    this.lastDelivery = undefined;
    this.gaps.clear();
  }

  /** Reads the record anew, for what other hosts have settled. */
  async refresh(): Promise<void> {
    const { records, durable, stream, streamCreated } = this.options;
    const { renewals } = records;
    const entry = await records.get(keyOf(durable));
    this.renewals = renewals;
    const record = entry?.value === undefined ? undefined : (JSON.parse(entry.value) as SettledRecord);
    const same = record?.stream === stream && record.created === streamCreated;
    this.stored = new SettledSet(same ? record.ranges : []);
    this.recorded = same;
    this.outdated = record?.stream === stream && Date.parse(record.created) > Date.parse(streamCreated);
    // A stream that was made again while no host ran is another one: all of its events are the handler's.
    if (record?.stream === stream && !this.outdated) this.positioned = true;
    this.known.merge(this.stored);
    this.revisionRead = entry?.revision ?? 0;
  }

  /** Writes what is not written yet; resolves when all that was settled before the call is stored. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    // A write that is under way may have begun before the last message settled.
    await this.writing;
    if (this.dirty) this.writing ??= this.write().finally(() => (this.writing = undefined));
    // Another flush may have begun the write that takes this one's along.
    await this.writing;
  }

  /** In a bucket that was made again the revision read says nothing: a later stream's record may have it. */
  private async isOfLostStream(): Promise<boolean> {
    if (this.renewals !== this.options.records.renewals) await this.refresh();
    return this.outdated;
  }

  private async fold(): Promise<void> {
    const checkpoint = await this.options.checkpoint();
    if (checkpoint) this.confirm(checkpoint);
  }

  private async write(): Promise<void> {
    try {
      if (this.known.size > MANY_RANGES) await this.fold();
      if (await this.isOfLostStream()) return;
      for (;;) {
        this.dirty = false;
        const { durable, stream, streamCreated } = this.options;
        const ranges = JSON.parse(JSON.stringify(this.known)) as SettledRecord['ranges'];
        const record: SettledRecord = { stream, created: streamCreated, ranges };
        try {
          this.revisionRead = await this.options.records.put(keyOf(durable), JSON.stringify(record), this.revisionRead);
          this.stored = new SettledSet(ranges);
          this.recorded = true;
          return;
        } catch (error) {
          if (!(error instanceof Conflict)) throw error;
          await this.refresh();
          // The stream was made again: what this one has settled was another stream's.
          if (this.outdated) return;
        }
      }
    } catch (error) {
      this.dirty = true;
      this.options.failed(error);
      this.timer ??= setTimeout(() => void this.flush(), RETRY_DELAY_MS);
    }
  }
}

function keyOf(durable: string): string {
  return `settled.${durable}`;
}
