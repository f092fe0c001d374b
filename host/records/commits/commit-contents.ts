import type { Time } from '../../base/time';
import type { Adoptions } from './adoptions';
import type { Commit } from './commit';
import type { FinishedRun } from './finished-runs';
import type { FoldedLog } from './folded-log';
import type { LogNotes } from './log-notes';
import type { StoreValues } from './store-values';

/** The sources of a commit's contents. */
export interface ContentSources {
  readonly values: Pick<StoreValues, 'get'>;
  readonly adoptions: Pick<Adoptions, 'take'>;
  readonly notes: Pick<LogNotes, 'take'>;
  readonly folded: Pick<FoldedLog, 'filled' | 'bucketRevision'>;
  readonly time: Pick<Time, 'epochMs'>;
  /** Whether this host fills the bucket. */
  isFiller(): boolean;
}

/**
 * Returns the contents of a commit of these runs. Values of other programs go into a commit without runs.
 * @param isSmall whether the commit leaves out everything but the runs, because a larger one was refused
 */
export function contentsOf(
  { values, adoptions, notes, folded, time, isFiller }: ContentSources,
  runs: readonly FinishedRun[],
  isSmall: boolean,
): Omit<Commit, 'host' | 'number'> {
  const adopted = new Map<string, number>();
  const changes = runs.flatMap((run) => run.runs);
  for (const { writes } of changes) {
    for (const key of writes.keys()) {
      const foreign = values.get(key)?.foreign;
      if (foreign !== undefined) adopted.set(key, foreign);
    }
  }
  return {
    runs: runs.length > 0 ? changes : adoptions.take(adopted, time.epochMs()),
    ...(isSmall ? { sent: [] } : notes.take()),
    adopted,
    ...(isFiller() && { filled: { position: folded.filled, revision: folded.bucketRevision } }),
  };
}
