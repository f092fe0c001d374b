import { ADOPTED, type Adoptions } from './adoptions';
import { decodeCommit, UnreadableCommit, type Commit } from './commit';
import type { LoggedCommit } from './commit-log';
import type { FinishedRuns } from './finished-runs';
import type { FoldedLog } from './folded-log';
import type { PendingCommit } from './group-commit';
import type { LogNotes } from './log-notes';
import type { StoreValues } from './store-values';
import type { Transactions } from './transactions';

export interface CommitReceiverOptions {
  readonly folded: FoldedLog;
  readonly values: StoreValues;
  readonly finished: FinishedRuns;
  readonly transactions: Transactions;
  readonly adoptions: Adoptions;
  readonly notes: Pick<LogNotes, 'putBack'>;
  /** Returns the commit that this host is appending. */
  pending(): PendingCommit | undefined;
  /** Called after each commit; `filler` is the other host that has made it, if that host fills the bucket. */
  received(filler?: string): void;
  /** Called for a message that is no commit. */
  unreadable(position: number, error: UnreadableCommit): void;
}

const NO_COMMIT: Commit = { host: '', number: 0, runs: [], sent: [], adopted: new Map() };

/** Takes the commits in the order of the log, and ends the runs whose fate they decide. */
export class CommitReceiver {
  constructor(private readonly options: CommitReceiverOptions) {}

  /** Takes a message of the log: a commit of any host. */
  take({ position, text }: LoggedCommit): void {
    const pending = this.options.pending();
    const isOwn = pending && !pending.fate && position === pending.expected + 1 && text === pending.text;
    if (isOwn) this.takeOwn(pending, position);
    else this.takeOther(this.decode(position, text), position, pending);
  }

  /** Takes the pending commit, which is in the log. */
  takeOwn(pending: PendingCommit, position: number): void {
    const { folded, values, finished, received } = this.options;
    pending.fate = 'committed';
    finished.limit.committed();
    const { commit, runs } = pending;
    folded.fold(position, commit);
    this.options.adoptions.drop(commit);
    for (const { transaction } of runs) values.committed(transaction.writes, position);
    this.takeAdopted(commit, position);
    for (const { waiter } of runs) waiter.resolve('committed');
    received();
  }

  /**
   * Takes a commit of another host. The pending commit is refused then. Runs whose event is settled now are dropped, and
   * those that have read a changed value must run again.
   */
  private takeOther(commit: Commit, position: number, pending: PendingCommit | undefined): void {
    const { folded, finished, transactions, adoptions, received } = this.options;
    if (pending && !pending.fate) {
      finished.limit.conflicted();
      this.refuse(pending);
    }
    folded.fold(position, commit);
    adoptions.drop(commit);
    const changed = new Set<string>();
    for (const { writes } of commit.runs) this.replace(writes, position, changed);
    const settled = finished.takeWhere((run) => folded.isSettled(run));
    const hasParts = commit.runs.some(({ part }) => part !== undefined);
    const repeated = hasParts ? finished.takeWhere((run) => folded.parts.isOvertaken(run)) : [];
    const fenced = commit.claimed ? finished.takeWhere((run) => folded.claims.isFenced(run)) : [];
    transactions.discard(changed, { settled, conflict: repeated, released: fenced });
    received(commit.filled === undefined ? undefined : commit.host);
  }

  /** Ends a pending commit that is not in the log. Its runs and other contents go into the next one. */
  refuse(pending: PendingCommit): void {
    const { finished, adoptions, notes } = this.options;
    pending.fate = 'refused';
    finished.putBack(pending.runs);
    adoptions.putBack(pending.commit);
    notes.putBack(pending.commit);
  }

  private takeAdopted({ runs }: Commit, position: number): void {
    const changed = new Set<string>();
    for (const { origin, writes } of runs) if (origin.handler === ADOPTED) this.replace(writes, position, changed);
    this.options.transactions.discard(changed);
  }

  private replace(writes: ReadonlyMap<string, string | null>, position: number, changed: Set<string>): void {
    for (const [key, text] of writes) {
      this.options.values.replace(key, text, position);
      changed.add(key);
    }
  }

  /** Another program can publish to the log's subject. Its message changes nothing. */
  private decode(position: number, text: string): Commit {
    try {
      return decodeCommit(text);
    } catch (error) {
      if (!(error instanceof UnreadableCommit) || error.isLaterFormat) throw error;
      this.options.unreadable(position, error);
      return NO_COMMIT;
    }
  }
}
