import { BoundedMap } from '../../base/bounded-map';
import { pause, retryUntil } from '../../base/retry-until';
import type { Time } from '../../base/time';
import { Conflict, type Entry, type KeyValue } from '../key-value';
import { isJetplugError } from '../../../sdk/internal';
import { BucketDoubt } from './bucket-doubt';
import { CheckpointRegressed, type CheckpointStore } from './checkpoint';
import type { FoldedLog } from './folded-log';
import { fittingCheckpoint } from './owed-work';
import type { UnfilledText } from './unfilled-texts';

export interface BucketFillerOptions {
  /** Identifies this host's commits. */
  readonly host: string;
  readonly bucket: KeyValue;
  readonly folded: FoldedLog;
  readonly checkpoints: CheckpointStore;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** Returns the size of the largest value that the server takes. */
  maxBytes(): number;
  /** Called for a value in the bucket that another program has written. A commit must take it up. */
  foreign(key: string, entry: Entry): void;
  /** Reads the texts that the bucket needs from the log again, because the bucket is an older one. */
  refill(): Promise<void>;
  /** Called when the bucket may have further texts. */
  filled(): void;
  /** Called when the checkpoint stays behind the bucket, because one at the bucket's position is too large. */
  heldBack(): void;
  failed(error: unknown): void;
}

/** The shortest and the longest pause between two fills. */
const PAUSE_MS = { least: 10, most: 1_000 };
/** The pause of a host that waits for another one to fill the bucket. */
const LISTEN_MS = 100;
/**
 * The pause is this multiple of the time that the fill before it took. A busy plugin changes its keys several times during
 * a longer pause, and only their last texts are written, which leaves the server's disk and the host to the commits. A
 * bucket that is far behind gets the shortest pause.
 */
const PAUSES_PER_FILL = 2;
const RETRY_MS = 100;
const CHECKPOINT_EVERY_MS = 500;
/** The number of keys that are written at a time. */
const MAX_KEYS = 2_000;
/** A host takes over when the bucket has not got on for this long. */
const TAKE_OVER_MS = 1_000;
const MAX_REMEMBERED = 20_000;
const LATEST = { latest: true };

interface Filled {
  readonly revision: number;
  readonly position: number;
}

/**
 * Writes committed texts to the bucket, behind the log, so that every NATS client can read them. One host of a
 * deployment does it at a time; another one takes over when it does not get on. Two at once do no harm, because a text
 * never replaces one of a later commit.
 */
export class BucketFiller {
  /** Whether this host fills the bucket. */
  isFiller = false;
  /** Whether the bucket takes no text, because it has reached its size limit. */
  isFull = false;
  private readonly remembered = new BoundedMap<string, Filled>(MAX_REMEMBERED);
  private isRunning = false;
  private checkpointedTo = 0;
  private checkpointAtMs = 0;
  private progress = { filled: -1, atMs: 0 };
  /** How long the last fill took. */
  private tookMs = 0;
  private readonly doubt: BucketDoubt;

  constructor(private readonly options: BucketFillerOptions) {
    const { checkpoints } = options;
    this.doubt = new BucketDoubt({ checkpoints, startOver: () => this.startOver() });
  }

  /** Fills the bucket until it has all texts. Call it when there are new ones. */
  start(): void {
    if (this.isRunning || this.options.stop.aborted) return;
    this.isRunning = true;
    void this.run().finally(() => {
      this.isRunning = false;
      if (this.isBehind) this.start();
    });
  }

  /**
   * Notes that another host fills the bucket. Of two hosts that do, the one with the first name continues. If both
   * stopped, the bucket would stay behind until one of them takes over, and both may do that at the same time again.
   * @returns whether this host leaves the bucket to the other one
   */
  yieldTo(host: string): boolean {
    if (this.isFiller && this.options.host < host) return false;
    this.isFiller = false;
    this.noteProgress();
    return true;
  }

  /** Fills the bucket once more and stores a checkpoint, if this host fills it. A lost bucket is left to the next start. */
  async finish(): Promise<void> {
    if (this.isFiller && this.doubt.isNone) await this.fill(true);
  }

  /** Fills the bucket with all texts, also if another host does so, and stores a checkpoint. */
  async fillAll(): Promise<void> {
    const { folded, time, stop } = this.options;
    for (;;) {
      const isFilled = await this.step(() => this.fill(true));
      if (stop.aborted || (isFilled && folded.unfilled.size === 0)) return;
      await pause(PAUSE_MS.least, time, stop);
    }
  }

  /** Checks that the bucket is not an older one, because the server has returned from an absence. */
  recheck(): void {
    this.doubt.noteReturn();
    this.start();
  }

  /** Notes that the server has lost the bucket. An empty one takes its place. */
  noteLost(): void {
    this.doubt.noteLost();
    this.start();
  }

  private get isBehind(): boolean {
    const { folded, stop } = this.options;
    if (stop.aborted) return false;
    if (!this.doubt.isNone) return true;
    // Commits without values count too: the log can be trimmed up to a checkpoint only.
    return folded.unfilled.size > 0 || folded.position > (this.isFiller ? this.checkpointedTo : folded.filled);
  }

  private async run(): Promise<void> {
    const { folded, time, stop } = this.options;
    this.noteProgress();
    while (this.isBehind) {
      await pause(pauseMs(!this.isFiller && this.doubt.isNone && folded.filled > 0, this.tookMs), time, stop);
      await retryUntil(() => this.step(() => this.fillOrTakeOver()), {
        waitMs: RETRY_MS,
        stop,
        failed: (error) => this.failed(error),
        time,
      });
    }
  }

  /** Fills the bucket. If it may be an older one, only finds out what it has, and resolves with false. */
  private async step(fill: () => Promise<void>): Promise<boolean> {
    const fills = this.doubt.isNone;
    try {
      await (fills ? fill() : this.doubt.resolve());
      this.isFull = false;
      this.options.filled();
      return fills;
    } catch (error) {
      if (!(error instanceof CheckpointRegressed)) throw error;
      // The next step starts over.
      this.doubt.noteLost();
      return false;
    }
  }

  private async startOver(): Promise<void> {
    this.remembered.clear();
    this.checkpointedTo = 0;
    await this.options.refill();
    this.noteProgress();
  }

  private failed(error: unknown): void {
    this.isFull = isJetplugError(error) && error.code === 'JP_STORE_FULL';
    this.options.failed(error);
  }

  private async fillOrTakeOver(): Promise<void> {
    if (this.isFiller) return this.fill(false);
    const { folded, time, checkpoints } = this.options;
    if (folded.filled > this.progress.filled) this.noteProgress();
    if (time.nowMs() - this.progress.atMs < TAKE_OVER_MS && folded.filled > 0) return;
    const checkpoint = await checkpoints.read();
    if (checkpoints.hasRegressed) throw new CheckpointRegressed('the bucket is an older one');
    if (checkpoint && checkpoint.filled > folded.filled) {
      folded.filledUpTo(checkpoint.filled, checkpoint.revision);
      return this.noteProgress();
    }
    this.isFiller = true;
    this.remembered.clear();
  }

  private noteProgress(): void {
    this.progress = { filled: this.options.folded.filled, atMs: this.options.time.nowMs() };
  }

  private async fill(isLast: boolean): Promise<void> {
    const { folded, time } = this.options;
    const beganMs = time.nowMs();
    const part: [string, UnfilledText][] = [];
    for (const entry of folded.unfilled) if (part.push(entry) === MAX_KEYS) break;
    throwFailure(await Promise.allSettled(part.map(([key, text]) => this.fillKey(key, text))));
    const nowMs = time.nowMs();
    this.tookMs = part.length < MAX_KEYS ? nowMs - beganMs : 0;
    const [oldest] = folded.unfilled.values();
    folded.filledUpTo(oldest ? oldest.position - 1 : folded.position);
    if (folded.filled <= this.checkpointedTo || (!isLast && nowMs - this.checkpointAtMs < CHECKPOINT_EVERY_MS)) return;
    this.checkpointAtMs = nowMs;
    await this.storeCheckpoint();
  }

  /** The events of the commits are stored first, because the checkpoint does not hold those of added handlers. */
  private async storeCheckpoint(): Promise<void> {
    const { folded, checkpoints, maxBytes, heldBack } = this.options;
    const { filled } = folded;
    // Another host has filled the bucket further than this host has read the log.
    if (filled > folded.position) return;
    const checkpoint = fittingCheckpoint(folded, maxBytes());
    if (checkpoint?.filled !== filled) heldBack();
    await folded.storeSettled();
    // The server may have lost the bucket since this host has filled it.
    if (!this.doubt.isNone) return;
    // A checkpoint that is held back is tried again with the next commit.
    this.checkpointedTo = Math.max(filled, checkpoint ? await checkpoints.write(checkpoint) : 0);
  }

  /** Writes one text, unless the bucket has a later one. A value of another program is not overwritten. */
  private async fillKey(key: string, text: UnfilledText): Promise<void> {
    const { bucket, folded, foreign } = this.options;
    let known = this.remembered.get(key);
    let isRefused = false;
    for (;;) {
      if (!known) {
        const { forgotten } = folded.adopted;
        // Another host may have written the key after this revision. The write is refused then.
        const entry = await bucket.get(key, isRefused ? LATEST : { asOf: folded.bucketRevision });
        const position = entry?.position;
        // The entry may be of a value that a commit has taken up meanwhile, and that the bucket has not any more.
        if (forgotten !== folded.adopted.forgotten) continue;
        if (entry && position === undefined && entry.revision > (folded.adopted.get(key)?.revision ?? 0)) {
          foreign(key, entry);
          return;
        }
        known = { revision: entry?.revision ?? 0, position: position ?? 0 };
      }
      // An older text never replaces a later one, also where its revision is the expected one.
      if (known.position >= text.position) break;
      try {
        known = { revision: await write(bucket, key, text, known.revision), position: text.position };
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        isRefused = true;
        known = undefined;
      }
    }
    this.remembered.set(key, known);
    folded.filledKey(key, text, known.revision);
  }
}

/** @param isListening whether another host fills the bucket */
function pauseMs(isListening: boolean, tookMs: number): number {
  if (isListening) return LISTEN_MS;
  return Math.min(Math.max(PAUSE_MS.least, PAUSES_PER_FILL * tookMs), PAUSE_MS.most);
}

function write(bucket: KeyValue, key: string, { text, position }: UnfilledText, revision: number): Promise<number> {
  return text === null ? bucket.delete(key, revision, position) : bucket.put(key, text, revision, position);
}

function throwFailure(results: readonly PromiseSettledResult<void>[]): void {
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}
