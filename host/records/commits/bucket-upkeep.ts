import type { Time } from '../../base/time';
import type { Entry, KeyValue } from '../key-value';
import { BucketFiller } from './bucket-filler';
import { CheckpointStore } from './checkpoint';
import type { CommitLog } from './commit-log';
import type { FoldedLog } from './folded-log';
import { ForeignWrites } from './foreign-writes';
import { LogHistory } from './log-history';

export interface BucketUpkeepOptions {
  /** Identifies this host's commits. */
  readonly host: string;
  readonly bucket: KeyValue;
  readonly log: CommitLog;
  readonly folded: FoldedLog;
  readonly checkpoints: CheckpointStore;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** For how long commits stay in the log when the bucket has them; undefined: for ever. */
  readonly historyMs: number | undefined;
  /** Takes up a value that another program has written to the bucket. */
  foreign(key: string, entry: Entry): void;
  /** Reads the texts that the bucket needs from the log again, because the bucket is an older one. */
  refill(): Promise<void>;
  /** Called when the bucket may have further texts. */
  filled(): void;
  trouble(message: string, error: unknown): void;
}

/** The memory that texts may take which the bucket does not have yet. If they take more, runs wait for their commit. */
const MAX_UNFILLED_BYTES = 100 * 1024 * 1024;
const HELD_BACK =
  'the commit log keeps its commits, because too much work is left to do for events that are committed (unsent events, for example)';

/** Brings the bucket up to date with the log, takes up values of other programs, and removes old commits. */
export class BucketUpkeep {
  private readonly filler: BucketFiller;
  private readonly history: LogHistory;
  private readonly foreignWrites: ForeignWrites;
  private unlisten: (() => void) | undefined;
  private isOn = false;

  constructor(private readonly options: BucketUpkeepOptions) {
    const { bucket, log, folded, checkpoints, time, stop, historyMs = Infinity, foreign, refill, trouble } = options;
    const { host, filled } = options;
    this.filler = new BucketFiller({
      ...{ host, bucket, folded, checkpoints, time, stop, foreign, refill, filled },
      maxBytes: () => log.maxCommitBytes,
      heldBack: () => trouble(HELD_BACK, new Error('a checkpoint with all of it is larger than the server takes')),
      failed: (error) => trouble('the bucket cannot be brought up to date yet', error),
    });
    this.history = new LogHistory({
      ...{ log, time, stop, historyMs },
      checkpoints: new CheckpointStore(bucket),
      isResponsible: () => this.filler.isFiller,
      failed: (error) => trouble('old commits cannot be removed from the log yet', error),
    });
    this.foreignWrites = new ForeignWrites({
      ...{ bucket, time, found: foreign, adoptionsForgotten: () => folded.adopted.forgotten },
      failed: (error) => trouble('a value of another program cannot be read yet', error),
    });
  }

  /** Whether this host fills the bucket. */
  get isFiller(): boolean {
    return this.filler.isFiller;
  }

  /** Whether the bucket lacks so many texts that runs must wait. A host that does not fill buckets never waits. */
  get isFarBehind(): boolean {
    return this.isOn && this.options.folded.unfilled.bytes > MAX_UNFILLED_BYTES;
  }

  /** The reason why the bucket is behind, if that lasts or lets runs wait. */
  get problem(): string | undefined {
    const full = this.filler.isFull ? 'the bucket is full (store.maxBytes), so it is behind the commit log' : undefined;
    return this.isFarBehind ? `${full ?? 'the bucket is too far behind the commit log'}, and runs wait` : full;
  }

  start(): void {
    this.isOn = true;
    this.unlisten = this.options.bucket.onLost?.(() => this.filler.noteLost());
    this.filler.start();
    this.foreignWrites.start();
    if (this.options.historyMs !== undefined) this.history.start();
  }

  /** Call it after each commit; `filler` is the other host that has made it, if that host fills the bucket. */
  received(filler?: string): void {
    if (!this.isOn) return;
    if (filler !== undefined && this.filler.yieldTo(filler)) this.foreignWrites.yield();
    this.filler.start();
  }

  /** Call it when the server has returned from an absence. */
  reconnected(): void {
    if (this.isOn) this.filler.recheck();
  }

  /** Brings the bucket up to date and stores a checkpoint, also if another host fills the bucket. */
  fillAll(): Promise<void> {
    return this.filler.fillAll();
  }

  /** Removes old commits from the log, because it is full. Resolves with whether it has room again. */
  async makeRoom(): Promise<boolean> {
    if (!this.isOn) return false;
    try {
      return await this.history.makeRoom();
    } catch (error) {
      this.options.trouble('old commits cannot be removed from the log yet', error);
      return false;
    }
  }

  /** Stops, and brings the bucket up to date if this host fills it. */
  async close(): Promise<void> {
    this.isOn = false;
    this.history.stop();
    this.foreignWrites.stop();
    this.unlisten?.();
    try {
      await this.filler.finish();
    } catch (error) {
      this.options.trouble('the bucket is not brought up to date by this host', error);
    }
  }
}
