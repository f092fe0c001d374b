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
  /**
   * Returns the contents of a commit of these runs.
   * @param isSmall whether it must be as small as possible, because the server has refused a larger one
   */
  contents(runs: readonly FinishedRun[], isSmall: boolean): Omit<Commit, 'host' | 'number'>;
  /** Whether the next commit must not hold finished runs. */
  goesAlone(): boolean;
  /** Whether the finished runs must wait. Call {@link GroupCommit.request} when they need not any more. */
  mustWait(): boolean;
  /** Called when the server has confirmed the pending commit. */
  confirmed(pending: PendingCommit, position: number): void;
  /** Called when the pending commit is not in the log and is not appended any more. Puts its runs back to the head. */
  refused(pending: PendingCommit): void;
  /** Returns the error of a run whose changes are larger than a commit can be. */
  tooLarge(run: FinishedRun, cause: Error): Error;
  /** Called with a run that was taken out and can never be committed. */
  reject(run: FinishedRun, error: Error): void;
  /** Called when an append has failed. It is tried again. */
  failed(error: unknown): void;
  /** Called when the log is full. Resolves with whether it has room again. */
  makeRoom(): Promise<boolean>;
  /** Called when the reader or the server shows that this host must not append any more. */
  halted(error: unknown): void;
}

/** The size of a commit above which further runs wait for the next one. */
const MAX_COMMIT_BYTES = 400_000;
/** The estimated size of a commit, as a share of the largest that the server takes. Escaped texts take more. */
const SAFE_SHARE = 0.4;
const RETRY_MS = 30;
const FULL_RETRY_MS = 1_000;

/** Appends the finished runs to the log. All runs that finish while an append is in flight share the next one. */
export class GroupCommit {
  pending: PendingCommit | undefined;
  /** Whether the pending commit waits because the log has reached its size limit. */
  isFull = false;
  private number = 0;
  /** The size of the next commit, after the server has refused a larger one. */
  private maxBytes = Infinity;
  private isAppending = false;
  private isWanted = false;
  private idle: (() => void)[] = [];

  constructor(private readonly options: GroupCommitOptions) {}

  /** Appends what is finished, after the append that is in flight. */
  request(force = false): void {
    const { finished, stop } = this.options;
    this.isWanted ||= force;
    if (this.isAppending || stop.aborted || (finished.length === 0 && !this.isWanted)) return;
    this.isAppending = true;
    // The runs that finish in this turn of the event loop share the commit.
    this.options.time.soon(() => void this.appendAll());
  }

  /** Whether no run can be appended now. */
  get isIdle(): boolean {
    return (
      (!this.pending || this.pending.fate !== undefined) &&
      (this.options.finished.length === 0 || this.options.mustWait())
    );
  }

  /** Appends what is finished, and resolves when nothing is left to append, or the host stops. */
  async finish(): Promise<void> {
    const idle = new Promise<void>((resolve) => this.idle.push(resolve));
    this.request(true);
    await idle;
  }

  /** Takes out all runs that wait for their commit. It is not known whether the log holds those of the pending commit. */
  takeWaiting(): { readonly pending: PendingCommit | undefined; readonly runs: readonly FinishedRun[] } {
    const runs = this.options.finished.takeAll();
    const pending = this.pending?.fate ? undefined : this.pending;
    if (!pending) return { pending, runs };
    // A late answer of the server must not end these runs once more.
    pending.fate = 'refused';
    return { pending, runs: [...pending.runs, ...runs] };
  }

  private async appendAll(): Promise<void> {
    const { finished, stop, goesAlone, mustWait, log, halted } = this.options;
    try {
      while (((finished.length > 0 && !mustWait()) || this.isWanted) && !stop.aborted) {
        // A read of the log has failed before the fate of the pending commit was known.
        if (this.pending) await this.decide(this.pending);
        this.isWanted = false;
        const maxBytes = Math.min(MAX_COMMIT_BYTES, log.maxCommitBytes * SAFE_SHARE, this.maxBytes);
        await this.append(goesAlone() || mustWait() ? [] : finished.take(maxBytes));
      }
      // In the same step as the last look at the finished runs, so that none is left waiting.
      this.isAppending = false;
    } catch (error) {
      this.isAppending = false;
      if (!stop.aborted) halted(error);
    }
    for (const resolve of this.idle.splice(0)) resolve();
  }

  private async append(runs: readonly FinishedRun[]): Promise<void> {
    const { options } = this;
    const contents = options.contents(runs, this.maxBytes < Infinity);
    if (isEmpty(contents)) {
      for (const { waiter } of runs) waiter.resolve('committed');
      // A small commit leaves out the events whose emits are sent.
      this.isWanted ||= this.maxBytes < Infinity;
      this.maxBytes = Infinity;
      return;
    }
    const commit = { host: options.host, number: ++this.number, ...contents };
    const text = encodeCommit(commit);
    const pending: PendingCommit = { commit, text, runs, expected: options.position(), fate: undefined };
    this.pending = pending;
    await this.decide(pending);
  }

  /** Appends the pending commit until its fate is known. */
  private async decide(pending: PendingCommit): Promise<void> {
    while (!pending.fate && !this.options.stop.aborted) await this.tryAppend(pending);
    this.pending = undefined;
    if (pending.fate === 'committed') this.maxBytes = Infinity;
  }

  /**
   * Appends the text once. After an error it is not known whether the log holds it, so the same text is appended again
   * under the same expectation: at most one of these attempts succeeds.
   */
  private async tryAppend(pending: PendingCommit): Promise<void> {
    const { log, reader, time, stop, failed, confirmed, makeRoom } = this.options;
    const { text, expected } = pending;
    try {
      const position = await log.append(text, expected);
      this.isFull = false;
      if (!pending.fate) confirmed(pending, position);
    } catch (error) {
      this.isFull = isJetplugError(error) && error.code === 'JP_STORE_FULL';
      if (error instanceof Conflict) return reader.catchUpTo(expected + 1);
      if (isJetplugError(error) && error.code === 'JP_STORE_VALUE_INVALID') return this.split(pending, error);
      if (this.isFull && (await makeRoom())) return;
      // A smaller commit may still fit.
      if (this.isFull && pending.runs.length > 1) return this.split(pending, error as Error);
      failed(error);
      await pause(this.isFull ? FULL_RETRY_MS : RETRY_MS, time, stop);
      if (!this.isFull) await reader.catchUp();
    }
  }

  /**
   * Commits the runs of a commit that is too large for the server or the log in smaller ones. A single run fails. An
   * earlier attempt may have reached a server that took larger commits, so the log is read first.
   */
  private async split(pending: PendingCommit, cause: Error): Promise<void> {
    const { reader, refused, finished, tooLarge, reject } = this.options;
    await reader.catchUp();
    if (pending.fate) return;
    const { runs, commit } = pending;
    const { sent, worked = [], claimed = [] } = commit;
    const [run, ...others] = runs;
    const isAlone = run && others.length + sent.length + worked.length + claimed.length === 0;
    // No run is taken out before its error is known.
    const error = isAlone ? tooLarge(run, cause) : undefined;
    refused(pending);
    this.maxBytes = runs.reduce((sum, { bytes }) => sum + bytes, 0) / 2;
    this.isWanted = true;
    if (error) for (const one of finished.take(0)) reject(one, error);
  }
}

function isEmpty({ runs, sent, worked = [], claimed = [], adopted }: Omit<Commit, 'host' | 'number'>): boolean {
  return [runs, sent, worked, claimed].every(({ length }) => length === 0) && adopted.size === 0;
}
