import { pause } from '../../base/retry-until';
import type { Time } from '../../base/time';
import type { GroupCommit } from './group-commit';
import type { LogNotes } from './log-notes';

export interface LastCommitsOptions {
  readonly group: Pick<GroupCommit, 'isIdle' | 'finish'>;
  readonly notes: Pick<LogNotes, 'isEmpty'>;
  readonly time: Time;
  readonly stop: AbortSignal;
}

const LIMIT_MS = 1_000;

/** The last commits of a host that stops: of the runs that have finished, and of notes that wait for a commit. */
export class LastCommits {
  private over: AbortController | undefined;

  constructor(private readonly options: LastCommitsOptions) {}

  /** Commits until nothing is left, an append fails, or a second is over. */
  async make(): Promise<void> {
    const { group, notes, time, stop } = this.options;
    if (stop.aborted) return;
    const { signal } = (this.over = new AbortController());
    const late = pause(LIMIT_MS, time, signal).then(() => this.failed());
    while (!signal.aborted && !(notes.isEmpty && group.isIdle)) await Promise.race([group.finish(), late]);
    this.failed();
  }

  /** Ends the last commits, because the server does not take them now. */
  failed(): void {
    this.over?.abort();
  }
}
