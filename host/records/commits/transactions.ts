import { JetplugError } from '../../../sdk/internal';
import type { MaybePromise } from '../../base/maybe-promise';
import type { Origin, ReadTexts, RunChanges } from './commit';
import { assertFits, estimatedBytes } from './commit-size';
import type { CommitResult, CommitWaiter, FinishedRun, FinishedRuns } from './finished-runs';
import type { FoldedLog } from './folded-log';
import { KeyLocks } from './key-locks';
import type { StoreValues, Value } from './store-values';
import { Transaction } from './transaction';
import { WaitingEvents } from './waiting-events';

export interface TransactionsOptions {
  readonly values: StoreValues;
  readonly finished: FinishedRuns;
  readonly folded: FoldedLog;
  /** Called when a run waits for its commit. */
  added(): void;
  /** Throws if no run can be committed any more. */
  assertUsable(): void;
  /** Whether the log is closed, so that runs which finish now are released. */
  isClosed(): boolean;
  /** Returns the size of the largest commit that the server takes. */
  maxBytes(): number;
}

/** The runs of a plugin's handlers in this host, from their first read to the end of their commit. */
export class Transactions {
  private readonly locks = new KeyLocks();
  private readonly waiting = new WaitingEvents();

  constructor(private readonly options: TransactionsOptions) {}

  /** Has a run wait, as {@link RunLimit.wait} does. */
  readonly awaitRoom = (run: Transaction) => this.options.finished.limit.wait(run);

  /** Reads a key for a run. The run's own changes are visible to it, and those of finished runs. */
  read(transaction: Transaction, key: string): string | null | Promise<string | null> {
    this.options.assertUsable();
    const own = transaction.writes.get(key);
    if (own !== undefined) return own;
    const before = transaction.repeated?.get(key);
    if (before !== undefined) return before;
    const value = this.options.values.read(key);
    return value instanceof Promise ? value.then((one) => note(transaction, key, one)) : note(transaction, key, value);
  }

  /**
   * Locks a key that a run uses, if runs have conflicted on it lately, because a run that uses a key while another run of
   * this host changes it conflicts.
   * @returns a promise if the run must wait
   */
  lock(transaction: Transaction, key: string): Promise<void> | undefined {
    return this.locks.isBusy(key) ? this.locks.lock(transaction, key) : undefined;
  }

  /** Releases the keys that are locked for a run. */
  release(transaction: Transaction): void {
    this.locks.release(transaction);
  }

  /** Changes a key for a run. The run must have read the key before. */
  write(transaction: Transaction, key: string, text: string | null): void {
    transaction.writes.set(key, text);
  }

  /**
   * Ends a run, and commits its changes.
   * @param runs the changes of each event; none if the run has no effect
   * @param waiter gets the result if it is not known yet
   * @returns the result, if it is known; `conflict` if the run must start again: call {@link prepareAgain} first
   */
  finishFor(transaction: Transaction, runs: readonly RunChanges[], waiter: CommitWaiter): CommitResult | undefined {
    const { values, folded, finished, added, assertUsable, isClosed } = this.options;
    assertUsable();
    if (isClosed()) return this.end(transaction, 'released');
    const over = resultOf(runs, folded);
    if (over) return this.end(transaction, over);
    const earlier = this.waiting.find(runs);
    if (earlier) {
      this.locks.release(transaction);
      earlier.follow(() => waiter.resolve(this.resultAfterEarlier(runs)));
      return undefined;
    }
    if (values.isStale(transaction) || runs.some((run) => folded.parts.isOvertaken(run))) return 'conflict';
    if (runs.length === 0 && !values.readsUncommitted(transaction)) return this.end(transaction, 'committed');
    values.apply(transaction);
    finished.add({ transaction, runs, bytes: estimatedBytes(runs), waiter: this.waiting.add(runs, waiter) });
    this.locks.release(transaction);
    added();
    return undefined;
  }

  /** Ends a run as {@link finishFor} does, with a promise if the result is not known yet. */
  finish(transaction: Transaction, runs: readonly RunChanges[]): CommitResult | Promise<CommitResult> {
    let waiter!: CommitWaiter;
    const later = new Promise<CommitResult>((resolve, reject) => (waiter = { resolve, reject }));
    return this.finishFor(transaction, runs, waiter) ?? later;
  }

  /**
   * Checks that one commit can hold the changes. Call it before {@link finish}.
   * @throws JetplugError `JP_COMMIT_TOO_LARGE`
   */
  assertFits(runs: readonly RunChanges[]): void {
    assertFits(runs, this.options.maxBytes());
  }

  /**
   * Locks the keys that a run has touched, before it starts again: no other run of this host changes them meanwhile.
   */
  async prepareAgain(transaction: Transaction): Promise<void> {
    const { locks } = this;
    const keys = [...transaction.reads.keys()].sort();
    locks.noteConflict(this.options.values.staleKeys(transaction));
    transaction.reset();
    locks.release(transaction);
    for (const key of keys) await locks.lock(transaction, key);
    // The run may have timed out meanwhile.
    if (transaction.isOver) locks.release(transaction);
  }

  /**
   * Changes one key from outside of a run. Resolves with the new text when it is committed.
   * @param change computes the new text from the committed one; it may be called again, on a newer text
   * @throws JetplugError `JP_STORE_UNAVAILABLE` if it cannot be found out whether the change is committed
   */
  async change(
    key: string,
    change: (current: string | null) => MaybePromise<string | null>,
    origin: Origin,
  ): Promise<string | null> {
    const transaction = new Transaction();
    try {
      for (;;) {
        const current = await this.read(transaction, key);
        const next = await change(current);
        if (next === current && !this.options.values.readsUncommitted(transaction)) return next;
        this.write(transaction, key, next);
        const runs = [{ origin, writes: new Map([[key, next]]), emits: [] }];
        this.assertFits(runs);
        const result = await this.finish(transaction, runs);
        if (result === 'committed') return next;
        if (result === 'released') throw unknownFate(new Error('the log is closed'));
        await this.prepareAgain(transaction);
      }
    } finally {
      this.abandon(transaction);
    }
  }

  /** Ends a run without its changes. */
  abandon(transaction: Transaction): void {
    transaction.reset();
    this.endRun(transaction);
  }

  /** Ends a run that does not start again. Keys that are locked for it from now on are released at once. */
  endRun(transaction: Transaction): void {
    transaction.isOver = true;
    this.locks.release(transaction);
  }

  /** Returns the texts that a run has read. Those of a run that must run again may be missing. */
  textsRead({ reads }: Transaction): ReadTexts {
    const texts = new Map<string, string | null>();
    for (const key of reads.keys()) {
      const value = this.options.values.get(key);
      if (value) texts.set(key, value.current);
    }
    return texts;
  }

  /** Whether a value that the run has read has changed since. An error of such a run may come from mixed values. */
  isStale(transaction: Transaction): boolean {
    return this.options.values.isStale(transaction);
  }

  /** Returns a key whose value has changed since the run read it; undefined if there is none. */
  staleKey(transaction: Transaction): string | undefined {
    const [key] = this.options.values.staleKeys(transaction);
    return key;
  }

  /**
   * Discards the uncommitted changes of these keys. The finished runs that depend on them must run again.
   * @param ended runs that were taken out, by their result: `settled` if their event is settled now, `conflict` if their
   * early commit point is committed already, `released` if another host has claimed their handler
   */
  discard(changed: Set<string>, ended: Partial<Record<CommitResult, readonly FinishedRun[]>> = {}): void {
    const { values, finished } = this.options;
    for (const runs of Object.values(ended)) addWrites(runs, changed);
    const outdated = changed.size > 0 ? finished.takeOutdated(changed) : [];
    values.discard(changed);
    for (const [result, runs] of Object.entries(ended)) {
      for (const { waiter } of runs) waiter.resolve(result as CommitResult);
    }
    for (const { waiter } of outdated) waiter.resolve('conflict');
  }

  /** Ends a run that was taken out and can never be committed. */
  reject({ transaction, waiter }: FinishedRun, error: Error): void {
    this.discard(new Set(transaction.writes.keys()));
    waiter.reject(error);
  }

  /**
   * Ends a run because commits that this host has not read are gone from the log. The checkpoint says whether its event
   * is settled. Nothing says whether a change from outside of a run is committed, and another try might make it twice.
   * @param mayBeCommitted whether one of these commits may be the run's
   */
  endCut({ runs, waiter }: FinishedRun, mayBeCommitted: boolean): void {
    if (mayBeCommitted && runs.some(({ event }) => !event)) {
      waiter.reject(unknownFate(new Error('the log was cut before the host has read its own commit')));
    } else waiter.resolve(this.resultAfterEarlier(runs));
  }

  private resultAfterEarlier(runs: readonly RunChanges[]): CommitResult {
    const { folded, isClosed } = this.options;
    return isClosed() ? 'released' : (resultOf(runs, folded) ?? 'conflict');
  }

  private end(transaction: Transaction, result: CommitResult): CommitResult {
    this.abandon(transaction);
    return result;
  }
}

/** Returns the result of runs whose events are not this host's any more. */
function resultOf(runs: readonly RunChanges[], folded: FoldedLog): CommitResult | undefined {
  if (runs.some((run) => folded.isSettled(run))) return 'settled';
  return runs.some((run) => folded.claims.isFenced(run)) ? 'released' : undefined;
}

function unknownFate(cause: Error): JetplugError {
  const message = `it is not known whether a change of the store is committed: ${cause.message}`;
  return new JetplugError('JP_STORE_UNAVAILABLE', message, { cause });
}

function addWrites(runs: readonly FinishedRun[], keys: Set<string>): void {
  for (const { transaction } of runs) for (const key of transaction.writes.keys()) keys.add(key);
}

function note(transaction: Transaction, key: string, { current, version }: Value): string | null {
  if (!transaction.reads.has(key)) transaction.reads.set(key, version);
  return current;
}
