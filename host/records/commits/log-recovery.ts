import { JetplugError } from '../../../sdk/internal';
import { pause } from '../../base/retry-until';
import type { Time } from '../../base/time';
import { isFirstLog, type Checkpoint, type CheckpointStore } from './checkpoint';
import { decodedOrNone } from './commit';
import type { CommitLog, LogBounds } from './commit-log';
import type { FoldedLog } from './folded-log';
import { LogCut, type LogReader } from './log-reader';
import type { UnfilledText } from './unfilled-texts';

export interface LogRecoveryOptions {
  readonly log: CommitLog;
  readonly reader: LogReader;
  readonly checkpoints: CheckpointStore;
  readonly folded: FoldedLog;
  readonly time: Time;
  readonly stop: AbortSignal;
  /** Writes all texts that the bucket may not have yet. */
  fill(): Promise<void>;
  /**
   * Continues from another position, to which `move` brings the fold. Runs that are not committed must run again,
   * because a value that they have read may have changed.
   */
  startFrom(move: () => void): void;
  /** Called when data was lost. The host continues with the rest. */
  lost(error: JetplugError): void;
}

/** The time for which a host waits before it leaves out lost commits. Other hosts fill the bucket in the meantime. */
const LOST_WAIT_MS = 1_000;

/**
 * Finds the position from which a log is read on, and compares log and bucket: each of them may be lost, or restored
 * from an older copy.
 */
export class LogRecovery {
  /** Whether the log was read to its end once, so that other hosts may know later commits than the bucket has. */
  private isOpen = false;
  private restoring: Promise<void> | undefined;

  constructor(private readonly options: LogRecoveryOptions) {}

  /**
   * Reads the checkpoint, if it is ahead of this host, and the commits behind it. Calls at the same time share one
   * read, so that a loss is reported once.
   * @throws LogShortened, JetplugError `JP_LOG_GAP`
   */
  restore(): Promise<void> {
    return (this.restoring ??= this.restoreOnce().finally(() => (this.restoring = undefined)));
  }

  /**
   * Reads the texts that the bucket needs from the log again, because the bucket was lost, or restored from an older
   * copy, while the host ran.
   * @throws JetplugError `JP_LOG_GAP`
   */
  async refill(): Promise<void> {
    const { folded, reader, checkpoints, log } = this.options;
    checkpoints.startOver();
    const checkpoint = await reader.sure(() => checkpoints.read());
    const bounds = await reader.sure(() => log.bounds());
    const { first } = bounds;
    const filled = checkpoint?.filled ?? 0;
    if (first > filled + 1) this.reportMissing(bounds, filled, checkpoint);
    const texts = new Map<string, Omit<UnfilledText, 'sinceMs'>>();
    for (let position = Math.max(filled, first - 1); position < folded.position;) {
      const commits = await reader.sure(() => log.readAfter(position));
      if (commits.length === 0) break;
      for (const commit of commits) {
        position = commit.position;
        for (const { writes } of decodedOrNone(commit.text)?.runs ?? []) {
          for (const [key, text] of writes) texts.set(key, { text, position });
        }
      }
    }
    folded.refill({ position: filled, revision: checkpoint?.revision ?? 0 }, texts);
  }

  private async restoreOnce(): Promise<void> {
    const { folded, reader, checkpoints, log } = this.options;
    let hasWaited = !this.isOpen;
    folded.trustFrom = Infinity;
    for (;;) {
      // The log's beginning is read before the checkpoint, because the log may be cut up to the checkpoint at any time.
      // Its end is read after it if it is too early, because the checkpoint may hold later commits at any time.
      const bounds = await reader.sure(() => log.bounds());
      const checkpoint = await reader.sure(() => checkpoints.read());
      const known = Math.max(folded.position, checkpoint?.folded ?? 0);
      const { last } = bounds.last < known ? await reader.boundsFrom(known) : bounds;
      // Read after the checkpoint, so that no settled event is missing in both.
      await reader.sure(() => folded.loadSettled());
      if (checkpoint && checkpoint.filled > folded.position) {
        const { filled: position, revision, parts } = checkpoint;
        this.options.startFrom(() => folded.restore({ position, revision }, parts));
      }
      if (bounds.first > folded.position + 1) {
        if (!hasWaited) await this.fillAndWait();
        else this.leaveOut(bounds, checkpoint);
        hasWaited = true;
        continue;
      }
      try {
        await reader.catchUpTo(last);
        this.isOpen = true;
        folded.trustFrom = folded.position;
        return;
      } catch (error) {
        if (!(error instanceof LogCut)) throw error;
      }
    }
  }

  /** Brings the bucket up to date with the commits that only this host may know, and waits for the other hosts. */
  private async fillAndWait(): Promise<void> {
    const { reader, fill, time, stop } = this.options;
    await reader.sure(fill);
    await pause(LOST_WAIT_MS, time, stop);
  }

  /** Leaves out the commits in front of the log's first one, because no host can read them any more. */
  private leaveOut(bounds: LogBounds, checkpoint: Checkpoint | undefined): void {
    const { first, last, begins } = bounds;
    const { folded } = this.options;
    const { position } = folded;
    if (position > 0 || last >= begins) this.reportMissing(bounds, position, checkpoint);
    this.options.startFrom(() => folded.skipTo(first - 1));
  }

  /**
   * Reports the commits between a position and the log's first one.
   * @throws JetplugError `JP_LOG_GAP` if the bucket that had their values is replaced by an older one
   */
  private reportMissing({ first, begins }: LogBounds, position: number, checkpoint: Checkpoint | undefined): void {
    if (position === 0 && !checkpoint && isFirstLog(begins) && first === begins) return;
    if (position > 0 && begins > position + 1) {
      const message = `the server has lost the commit log; commits behind ${position} are lost unless the bucket has them`;
      return this.options.lost(new JetplugError('JP_LOG_LOST', message));
    }
    if (checkpoint) {
      const message = `the bucket has the values up to commit ${checkpoint.filled}, and the log begins at commit ${first}`;
      throw new JetplugError('JP_LOG_GAP', message);
    }
    const message = `the bucket was lost, and the log begins at commit ${first}: values that no commit has changed since are lost`;
    this.options.lost(new JetplugError('JP_STORE_INCOMPLETE', message));
  }
}
