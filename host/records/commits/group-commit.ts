import { isJetplugError } from '../../../sdk/internal';
import { pause } from '../../base/retry-until';
import type { Time } from '../../base/time';
import { Conflict } from '../key-value';
import { encodeCommit, type Commit } from './commit';
import type { CommitLog } from './commit-log';
import type { FinishedRun, FinishedRuns } from './finished-runs';
import type { LogReader } from './log-reader';

/** A commit that is being appended. */
export interface PendingCommit {
  readonly commit: Commit;
  readonly text: string;
  readonly runs: readonly FinishedRun[];
  /** The position of the log's last commit when the text was made. */
  readonly expected: number;
  /** Known once the commit at the position `expected + 1` is read or confirmed. */
  fate: 'committed' | 'refused' | undefined;
}

export interface GroupCommitOptions {
  readonly host: string;
  readonly log: CommitLog;
  readonly reader: LogReader;
  readonly finished: FinishedRuns;
  readonly time: Time;
  readonly stop: AbortSignal;
  position(): number;
  /** Returns the contents of a commit of these runs. */
  contents(runs: readonly FinishedRun[]): Omit<Commit, 'host' | 'number'>;
  /** Whether the next commit must not hold finished runs. */
  goesAlone(): boolean;
  /** Called when the server has confirmed the pending commit. */
  confirmed(pending: PendingCommit, position: number): void;
  /** Called when an append has failed. It is tried again. */
  failed(error: unknown): void;
  /** Called when the reader or the server shows that this host must not append any more. */
  halted(error: unknown): void;
}

/** The size of a commit above which further runs wait for the next one. */
const MAX_COMMIT_BYTES = 400_000;
const RETRY_MS = 30;
const FULL_RETRY_MS = 1_000;

/** Appends the finished runs to the log. All runs that finish while an append is in flight share the next one. */
export class GroupCommit {
  pending: PendingCommit | undefined;
  private number = 0;
  private isAppending = false;
  private isWanted = false;

  constructor(private readonly options: GroupCommitOptions) {}

  /** Appends what is finished, after the append that is in flight. */
  start(force = false): void {
    this.isWanted ||= force;
    if (this.isAppending || this.options.stop.aborted) return;
    this.isAppending = true;
    // The runs that finish in this turn of the event loop share the commit.
    setImmediate(() => {
      this.appendAll().then(
        () => {
          this.isAppending = false;
          // A run that finished after the last look at them was not seen.
          if (this.hasMore) this.start();
        },
        (error: unknown) => {
          this.isAppending = false;
          if (!this.options.stop.aborted) this.options.halted(error);
        },
      );
    });
  }

  /** Ends the commit whose fate cannot be read from the log any more, and returns its runs. */
  takePending(): readonly FinishedRun[] {
    const { pending } = this;
    this.pending = undefined;
    if (!pending || pending.fate) return [];
    pending.fate = 'refused';
    return pending.runs;
  }

  private get hasMore(): boolean {
    return this.isWanted || this.options.finished.length > 0;
  }

  private async appendAll(): Promise<void> {
    const { finished, stop, goesAlone } = this.options;
    while (this.hasMore && !stop.aborted) {
      this.isWanted = false;
      await this.append(goesAlone() ? [] : finished.take(MAX_COMMIT_BYTES));
    }
  }

  private async append(runs: readonly FinishedRun[]): Promise<void> {
    const { options } = this;
    const contents = options.contents(runs);
    if (isEmpty(contents)) {
      for (const { resolve } of runs) resolve('committed');
      return;
    }
    const commit = { host: options.host, number: ++this.number, ...contents };
    const text = encodeCommit(commit);
    const pending: PendingCommit = { commit, text, runs, expected: options.position(), fate: undefined };
    this.pending = pending;
    while (!pending.fate && !options.stop.aborted) await this.tryAppend(pending);
    this.pending = undefined;
  }

  /**
   * Appends the text once. After an error it is not known whether the log holds it, so the same text is appended again
   * under the same expectation: at most one of these attempts succeeds.
   */
  private async tryAppend(pending: PendingCommit): Promise<void> {
    const { log, reader, time, stop, failed, confirmed } = this.options;
    const { text, expected } = pending;
    try {
      const position = await log.append(text, expected);
      if (!pending.fate) confirmed(pending, position);
    } catch (error) {
      if (error instanceof Conflict) return reader.catchUpTo(expected + 1);
      failed(error);
      const isFull = isJetplugError(error) && error.code === 'JP_STORE_FULL';
      await pause(isFull ? FULL_RETRY_MS : RETRY_MS, time, stop);
      if (!isFull) await reader.catchUp();
    }
  }
}

function isEmpty({ runs, sent, worked, adopted }: Pick<Commit, 'runs' | 'sent' | 'worked' | 'adopted'>): boolean {
  return runs.length === 0 && sent.length === 0 && worked.length === 0 && adopted.size === 0;
}
