import type { Time, Timer } from '../../base/time';
import type { CheckpointStore } from './checkpoint';
import type { CommitLog } from './commit-log';

export interface LogHistoryOptions {
  readonly log: CommitLog;
  readonly checkpoints: CheckpointStore;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** For how long commits stay in the log when the bucket has them. */
  readonly historyMs: number;
  /** Whether this host removes old commits. Of several hosts, the one that fills the bucket does. */
  isResponsible(): boolean;
  /** Called if old commits cannot be removed now. The host tries again. */
  failed(error: unknown): void;
}

const MOST_MS = 60_000;
const LEAST_MS = 500;
/**
 * The age of a checkpoint up to which commits may be removed. A server can lose the writes of its last `sync_interval`,
 * two minutes by default, in a power loss: the checkpoint, and the values that it says the bucket has.
 */
const SAFE_AGE_MS = 300_000;
/** The distance in time between two checkpoints that a host notes. */
const NOTE_EVERY_MS = 10_000;

interface Noted {
  /** The position up to which the checkpoint says that the bucket is filled. */
  readonly position: number;
  /** When the host has read it. */
  readonly atMs: number;
}

/**
 * Removes old commits from a log. A commit stays at least until the bucket has it, a checkpoint has said so for some
 * minutes, and all hosts had time to read it.
 */
export class LogHistory {
  /** Checkpoints that this host has read, the oldest first. At most one of them is older than it must be. */
  private noted: Noted[] = [];
  private timer: Timer | undefined;
  private isTrimming = false;

  constructor(private readonly options: LogHistoryOptions) {}

  start(): void {
    const { time, historyMs } = this.options;
    this.timer = time.every(Math.max(LEAST_MS, Math.min(MOST_MS, historyMs / 10)), () => void this.trim());
  }

  stop(): void {
    this.timer?.cancel();
  }

  /**
   * Removes the older half of the commits that no host needs, because the log is full. Call it again after a second if
   * it returns false: no commit can be removed yet.
   */
  async makeRoom(): Promise<boolean> {
    const { log } = this.options;
    const unneeded = await this.findUnneeded();
    const { first } = await log.bounds();
    if (unneeded < first) return false;
    await log.removeUpTo(first + Math.floor((unneeded - first) / 2));
    return true;
  }

  private async trim(): Promise<void> {
    const { log, time, stop, historyMs, isResponsible, failed } = this.options;
    if (stop.aborted || this.isTrimming || !isResponsible()) return;
    this.isTrimming = true;
    try {
      const unneeded = await this.findUnneeded();
      if (unneeded === 0) return;
      const kept = await log.firstSince(time.epochMs() - historyMs);
      const upTo = kept === undefined ? unneeded : Math.min(unneeded, kept - 1);
      if (upTo >= (await log.bounds()).first) await log.removeUpTo(upTo);
    } catch (error) {
      failed(error);
    } finally {
      this.isTrimming = false;
    }
  }

  /** Returns the position up to which no host needs the commits. It is that of a checkpoint that is old enough. */
  private async findUnneeded(): Promise<number> {
    const { checkpoints, time } = this.options;
    const position = (await checkpoints.read())?.filled ?? 0;
    const nowMs = time.nowMs();
    const last = this.noted.at(-1);
    // A bucket that was lost or restored does not have the values of the checkpoints before.
    if (last && position < last.position) this.noted = [];
    if (!last || position < last.position || nowMs - last.atMs >= NOTE_EVERY_MS)
      this.noted.push({ position, atMs: nowMs });
    const isOld = (one: Noted | undefined): boolean => one !== undefined && nowMs - one.atMs >= SAFE_AGE_MS;
    while (isOld(this.noted[1])) this.noted.shift();
    return isOld(this.noted[0]) ? this.noted[0]!.position : 0;
  }
}
