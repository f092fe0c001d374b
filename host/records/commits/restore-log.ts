import type { Checkpoint, CheckpointStore } from './checkpoint';
import type { CommitLog } from './commit-log';
import type { FoldedLog } from './folded-log';
import { LogCut, LogShortened, type LogReader } from './log-reader';

export interface RestoreOptions {
  readonly log: CommitLog;
  readonly reader: LogReader;
  readonly checkpoints: CheckpointStore;
  readonly folded: FoldedLog;
  /** Continues from a checkpoint, which is later than the last commit that was read. */
  startFrom(checkpoint: Checkpoint): void;
}

/**
 * Reads the newest checkpoint and the commits behind it.
 * @throws LogShortened, LogCut
 */
export async function restoreLog({ log, reader, checkpoints, folded, startFrom }: RestoreOptions): Promise<void> {
  for (let triedAt = -1; ;) {
    const checkpoint = await reader.sure(() => checkpoints.read());
    const { last } = await reader.sure(() => log.bounds());
    // After the checkpoint, so that no settled event is missing in both.
    await reader.sure(() => folded.loadSettled());
    if (checkpoint && last < checkpoint.folded) throw new LogShortened(checkpoint.folded, last);
    if (checkpoint && checkpoint.filled > folded.position) startFrom(checkpoint);
    try {
      return await reader.catchUpTo(last);
    } catch (error) {
      // The log may have been cut up to a later checkpoint meanwhile.
      const filled = checkpoint?.filled ?? 0;
      if (!(error instanceof LogCut) || filled === triedAt) throw error;
      triedAt = filled;
    }
  }
}
