import { countFitting } from '../../base/count-fitting';
import type { RunChanges } from './commit';
import { RunLimit } from './run-limit';
import type { Transaction } from './transaction';

/**
 * The result of a finished run: it is committed; it must run again, because a value that it read has changed; its event
 * was settled by another host, so that it has no effect; or it is released, because another host has claimed its handler,
 * or because the log is closed, and whether the run is committed is not known to this host.
 */
export type CommitResult = 'committed' | 'conflict' | 'settled' | 'released';

/** Gets the result of a finished run. */
export interface CommitWaiter {
  resolve(result: CommitResult): void;
  /** Called for a run that can never be committed. */
  reject(error: Error): void;
}

/** A run that has returned and waits for its commit, or a batch of runs of one call. */
export interface FinishedRun {
  readonly transaction: Transaction;
  /** The changes of each event; none for a run that only waits until the values that it read are committed. */
  readonly runs: readonly RunChanges[];
  readonly bytes: number;
  readonly waiter: CommitWaiter;
}

/** The runs of a host that wait for their commit, in the order in which they have finished. */
export class FinishedRuns {
  /** Limits how many there are. */
  readonly limit = new RunLimit(() => this.length);
  private waiting: FinishedRun[] = [];

  get length(): number {
    return this.waiting.length;
  }

  add(run: FinishedRun): void {
    this.waiting.push(run);
  }

  /** Takes out runs for one commit: at least one, and as many as fit into `maxBytes`. */
  take(maxBytes: number): FinishedRun[] {
    this.limit.admit();
    const end = countFitting(this.waiting, maxBytes, ({ bytes }) => bytes);
    if (end === this.waiting.length) {
      const all = this.waiting;
      this.waiting = [];
      return all;
    }
    return this.waiting.splice(0, end);
  }

  /** Puts runs back to the head, because their commit was refused. */
  putBack(runs: readonly FinishedRun[]): void {
    this.waiting = [...runs, ...this.waiting];
  }

  /** Takes out the runs with changes for which the condition holds. */
  takeWhere(condition: (run: RunChanges) => boolean): FinishedRun[] {
    return this.takeOut(({ runs }) => runs.some(condition));
  }

  /**
   * Takes out the runs that have read one of the keys, and those that have read a change of one of these runs. They
   * must run again.
   * @param keys the keys whose value has changed. The keys that the runs changed are added.
   */
  takeOutdated(keys: Set<string>): FinishedRun[] {
    const all: FinishedRun[] = [];
    for (;;) {
      const out = this.takeOut(({ transaction }) => readsAny(transaction, keys));
      if (out.length === 0) return all;
      all.push(...out);
      for (const { transaction } of out) for (const key of transaction.writes.keys()) keys.add(key);
    }
  }

  takeAll(): FinishedRun[] {
    return this.takeOut(() => true);
  }

  private takeOut(which: (run: FinishedRun) => boolean): FinishedRun[] {
    const out: FinishedRun[] = [];
    const stay: FinishedRun[] = [];
    for (const run of this.waiting) (which(run) ? out : stay).push(run);
    if (out.length === 0) return out;
    this.waiting = stay;
    this.limit.admit();
    return out;
  }
}

function readsAny({ reads }: Transaction, keys: ReadonlySet<string>): boolean {
  for (const key of reads.keys()) if (keys.has(key)) return true;
  return false;
}
