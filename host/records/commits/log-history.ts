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

const MOST_MS = 300_000;
const LEAST_MS = 500;

/**
 * Removes old commits from a log. A commit stays at least until the bucket has it, the checkpoint says so, and all hosts
 * had time to read it.
 */
export class LogHistory {
  /** The position of the checkpoint that was read last. */
  private checkpoint = 0;
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
    const { first } = await log.bounds();
    const unneeded = await this.readUnneeded();
    if (unneeded < first) return false;
    await log.removeUpTo(first + Math.floor((unneeded - first) / 2));
    return true;
  }

  private async trim(): Promise<void> {
    const { log, time, stop, historyMs, isResponsible, failed } = this.options;
    if (stop.aborted || this.isTrimming || !isResponsible()) return;
    this.isTrimming = true;
    try {
      const unneeded = await this.readUnneeded();
      const kept = await log.firstSince(time.epochMs() - historyMs);
      const upTo = kept === undefined ? unneeded : Math.min(unneeded, kept - 1);
      if (upTo >= (await log.bounds()).first) await log.removeUpTo(upTo);
    } catch (error) {
      failed(error);
    } finally {
      this.isTrimming = false;
    }
  }

  /**
   * Returns the position up to which no host needs the commits: that of the checkpoint before the present one, or of the
   * present one if that is earlier, because the bucket was lost or restored.
   */
  private async readUnneeded(): Promise<number> {
    const before = this.checkpoint;
    this.checkpoint = (await this.options.checkpoints.read())?.filled ?? 0;
    return Math.min(before, this.checkpoint);
  }
}
