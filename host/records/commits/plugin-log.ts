import type { Time } from '../../base/time';
import { isJetplugError, type JetplugError } from '../../../sdk/internal';
import type { KeyValue } from '../key-value';
import type { SettledEvents } from './added-handlers';
import { Adoptions } from './adoptions';
import { BucketUpkeep } from './bucket-upkeep';
import { CheckpointStore } from './checkpoint';
import { contentsOf } from './commit-contents';
import { tooLarge } from './commit-size';
import type { CommitLog } from './commit-log';
import { CommitReceiver } from './commit-receiver';
import type { DoneWork } from './done-work';
import { FinishedRuns } from './finished-runs';
import { FoldedLog } from './folded-log';
import { GroupCommit } from './group-commit';
import { LastCommits } from './last-commits';
import { loadText } from './load-text';
import { codedLogError } from './log-errors';
import { LogNotes } from './log-notes';
import { LogCut, LogReader, Stopped } from './log-reader';
import { LogRecovery } from './log-recovery';
import type { SentEmits } from './sent-emits';
import { StoreValues } from './store-values';
import { Transactions } from './transactions';

export interface PluginLogOptions {
  /** Identifies this host's commits: different for each start of a host. */
  readonly host: string;
  readonly log: CommitLog;
  readonly bucket: KeyValue;
  readonly time: Time;
  /** For how long commits stay in the log when the bucket has them. Default: for ever. */
  readonly historyMs?: number;
  /**
   * Whether this log is opened for single changes, beside the hosts that run the plugin. It then leaves the bucket and
   * the history to them; {@link PluginLog.fillBucket} brings the bucket up to date. Default false.
   */
  readonly isGuest?: boolean;
  /** Called if the server does not answer, or refuses; the host tries again. */
  trouble(message: string, error: unknown): void;
  /** Called when the log or the bucket was lost, and values with it. The host continues with the rest. */
  lost?(error: JetplugError): void;
  /** Called once, when the log cannot be used any more. From then on every run is refused with the error. */
  halted(error: JetplugError): void;
}

/**
 * One plugin's commit log in this host. A run reads values and collects its changes; when it has returned, its changes
 * are appended to the log with those of other runs. The bucket follows behind.
 */
export class PluginLog {
  readonly folded: FoldedLog;
  readonly transactions: Transactions;
  readonly sent: SentEmits;
  readonly worked: DoneWork;
  private readonly values: StoreValues;
  private readonly finished = new FinishedRuns();
  private readonly adoptions: Adoptions;
  private readonly reader: LogReader;
  private readonly group: GroupCommit;
  private readonly upkeep: BucketUpkeep;
  private readonly recovery: LogRecovery;
  private readonly notes: LogNotes;
  private readonly lastCommits: LastCommits;
  private readonly stopping = new AbortController();
  private failure: JetplugError | undefined;

  constructor(private readonly options: PluginLogOptions) {
    const { host, log, bucket, time, trouble } = options;
    const [finished, stop] = [this.finished, this.stopping.signal];
    const folded = (this.folded = new FoldedLog(() => time.nowMs(), host));
    const values = (this.values = new StoreValues((key) => loadText(key, this.reader, folded, bucket)));
    const notes = (this.notes = new LogNotes({ folded, time, stop, trouble, due: () => this.group.request(true) }));
    ({ sent: this.sent, worked: this.worked } = notes);
    const adoptions = (this.adoptions = new Adoptions(folded, () => log.maxCommitBytes, tooLargeToAdopt(trouble)));
    const transactions = (this.transactions = new Transactions({
      ...{ values, finished, folded },
      added: () => this.group.request(),
      assertUsable: () => this.assertUsable(),
      isClosed: () => stop.aborted,
      maxBytes: () => log.maxCommitBytes,
    }));
    const receiver = new CommitReceiver({
      ...{ folded, values, finished, transactions, adoptions, notes },
      pending: () => this.group.pending,
      received: (filler) => {
        this.upkeep.received(filler);
        this.group.request(!adoptions.isEmpty);
      },
      unreadable: (position, error) => trouble(`message ${position} of the commit log is left out`, error),
    });
    const checkpoints = new CheckpointStore(bucket);
    const position = (): number => folded.position;
    this.reader = new LogReader(log, {
      ...{ time, stop, position },
      take: (commit) => receiver.take(commit),
      failed: (error) => trouble('the commit log cannot be read yet', error),
      reconnected: () => this.upkeep.reconnected(),
      cut: (error) => void this.reopen(error),
    });
    const isFiller = (): boolean => this.upkeep.isFiller;
    const sources = { values, adoptions, notes, folded, time, isFiller };
    this.group = new GroupCommit({
      ...{ host, log, reader: this.reader, finished, time, stop, position },
      contents: (runs, isSmall) => contentsOf(sources, runs, isSmall),
      goesAlone: () => !adoptions.isEmpty,
      mustWait: () => this.upkeep.isFarBehind,
      confirmed: (pending, at) => receiver.takeOwn(pending, at),
      refused: (pending) => receiver.refuse(pending),
      tooLarge: ({ runs }, cause) => tooLarge(runs, log.maxCommitBytes, cause),
      reject: (run, error) => transactions.reject(run, error),
      failed: (error) => {
        trouble('a commit cannot be stored yet', error);
        this.lastCommits.failed();
      },
      makeRoom: () => this.upkeep.makeRoom(),
      halted: (error) => void this.reopen(error),
    });
    this.lastCommits = new LastCommits({ time, stop, notes, group: this.group });
    this.upkeep = new BucketUpkeep({
      ...{ host, bucket, log, folded, checkpoints, time, stop, historyMs: options.historyMs, trouble },
      foreign: (key, entry) => {
        if (adoptions.add(key, entry)) this.group.request(true);
      },
      refill: () => this.recovery.refill().catch((error: unknown) => this.haltAtGap(error)),
      filled: () => this.group.request(),
    });
    this.recovery = new LogRecovery({
      ...{ log, reader: this.reader, checkpoints, folded, time, stop },
      fill: () => this.upkeep.fillAll(),
      startFrom: (move) => this.startFrom(move),
      lost: (error) => options.lost?.(error),
    });
  }

  /**
   * Reads the checkpoint and the commits behind it, and follows the log from then on.
   * @throws JetplugError `JP_LOG_SHORTENED`, `JP_LOG_GAP`, `JP_LOG_UNREADABLE`
   */
  async open(): Promise<void> {
    try {
      await this.recovery.restore();
    } catch (error) {
      throw codedLogError(error);
    }
    this.reader.follow();
    if (this.options.isGuest) return;
    this.upkeep.start();
    this.notes.start();
  }

  /** The reason why commits, or the bucket, wait; undefined if they do not. */
  get problem(): string | undefined {
    return this.group.isFull ? 'the commit log is full (store.logMaxBytes), so runs wait' : this.upkeep.problem;
  }

  /** Brings the bucket up to date and stores a checkpoint. */
  fillBucket(): Promise<void> {
    return this.upkeep.fillAll();
  }

  /** Adds a handler: it receives the events that commits settle, until the log is closed. */
  add(settled: SettledEvents): void {
    this.folded.add(settled);
  }

  /**
   * Claims a handler, unless this host has claimed it last: no other host can commit a run of it from then on. Everything
   * that other hosts have committed before is read when the call resolves.
   * @param mayClaim whether this host may still claim the handler. The call waits for the server, so that may change
   * @returns false if another host has claimed the handler since, or this host may not claim it any more
   */
  async claim(durable: string, mayClaim: () => boolean): Promise<boolean> {
    await this.refresh();
    this.assertUsable();
    if (this.folded.claims.want(durable, mayClaim)) await this.group.finish();
    this.assertUsable();
    return this.folded.claims.has(durable);
  }

  /** Reads what other hosts have committed by now. Their commits arrive by themselves too, some milliseconds later. */
  refresh(): Promise<void> {
    return this.reader.refresh();
  }

  /** Reads the committed text of a key. */
  async get(key: string): Promise<string | null> {
    this.assertUsable();
    return (await this.values.read(key)).committed;
  }

  /**
   * Commits what waits, if the server answers, and stops. Runs that are not committed by then are released: their events
   * are delivered again, and are settled if their commit is in the log after all.
   */
  async close(): Promise<void> {
    this.notes.stop();
    await this.lastCommits.make();
    this.stopping.abort();
    for (const { waiter } of this.group.takeWaiting().runs) waiter.resolve('released');
    this.reader.stop();
    await this.upkeep.close();
  }

  private haltAtGap(error: unknown): never {
    if (isJetplugError(error) && error.code === 'JP_LOG_GAP') this.halt(error);
    throw error;
  }

  /**
   * Continues from another position, to which `move` brings the fold, without the commits before it. Runs that are not
   * committed must run again, because a value that they have read may have changed.
   */
  private startFrom(move: () => void): void {
    const { pending, runs } = this.group.takeWaiting();
    if (pending) this.notes.putBack(pending.commit);
    this.adoptions.clear();
    move();
    this.values.clear();
    for (const run of runs) this.transactions.endCut(run, pending?.runs.includes(run) ?? false);
  }

  /** Reads the log again from the newest checkpoint, because commits that this host has not read are gone. */
  private async reopen(reason: unknown): Promise<void> {
    if (this.stopping.signal.aborted || reason instanceof Stopped) return;
    this.lastCommits.failed();
    try {
      if (!(reason instanceof LogCut)) throw reason;
      await this.recovery.restore();
      this.group.request(true);
    } catch (error) {
      if (!(error instanceof Stopped)) this.halt(codedLogError(error));
    }
  }

  /** Ends the use of the log. Whether the pending commit is in the log stays unknown. */
  private halt(error: JetplugError): void {
    if (this.failure) return;
    this.failure = error;
    this.stopping.abort();
    for (const { waiter } of this.group.takeWaiting().runs) waiter.reject(error.with({}));
    this.options.halted(error);
  }

  /** @throws JetplugError if the log cannot be used any more */
  private assertUsable(): void {
    // A new error each time, because one that is older than a run is charged to the run.
    if (this.failure) throw this.failure.with({});
  }
}

function tooLargeToAdopt(trouble: PluginLogOptions['trouble']): (key: string) => void {
  const cause = new Error('it is too large for a commit');
  return (key) => trouble(`the bucket's value of ${key} is left out of the store`, cause);
}
