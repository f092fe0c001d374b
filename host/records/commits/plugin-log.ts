import type { Time } from '../../base/time';
import type { KeyValue } from '../key-value';
import { Adoptions } from './adoptions';
import { BucketFiller } from './bucket-filler';
import { CheckpointStore, type Checkpoint } from './checkpoint';
import type { Commit } from './commit';
import type { CommitLog } from './commit-log';
import { CommitReceiver } from './commit-receiver';
import { FinishedRuns, type FinishedRun } from './finished-runs';
import { FoldedLog, type SettledEvents } from './folded-log';
import { GroupCommit } from './group-commit';
import { loadText } from './load-text';
import { LogCut, LogReader, Stopped } from './log-reader';
import { restoreLog } from './restore-log';
import { SentEmits } from './sent-emits';
import { StoreValues } from './store-values';
import { Transactions } from './transactions';

export interface PluginLogOptions {
  /** Identifies this host's commits: different for each start of a host. */
  readonly host: string;
  readonly log: CommitLog;
  readonly bucket: KeyValue;
  readonly time: Time;
  /** Called if the server does not answer, or refuses; the host tries again. */
  trouble(message: string, error: unknown): void;
  /** Called once, when the log cannot be used any more. From then on every run is refused with the error. */
  halted(error: Error): void;
}

/**
 * One plugin's commit log in this host. A run reads values and collects its changes; when it has returned, its changes
 * are appended to the log with those of other runs. The bucket follows behind.
 */
export class PluginLog {
  readonly folded: FoldedLog;
  readonly transactions: Transactions;
  readonly sent: SentEmits;
  private readonly values: StoreValues;
  private readonly finished = new FinishedRuns();
  private readonly adoptions: Adoptions;
  private readonly reader: LogReader;
  private readonly group: GroupCommit;
  private readonly filler: BucketFiller;
  private readonly checkpoints: CheckpointStore;
  private readonly stopping = new AbortController();
  private failure: Error | undefined;

  constructor(private readonly options: PluginLogOptions) {
    const { host, log, bucket, time, trouble } = options;
    const { finished } = this;
    const stop = this.stopping.signal;
    const folded = (this.folded = new FoldedLog(() => time.nowMs()));
    const values = (this.values = new StoreValues((key) => loadText(key, folded, bucket)));
    const sent = (this.sent = new SentEmits(folded, time, () => this.group.request(true)));
    const adoptions = (this.adoptions = new Adoptions(folded, (key) =>
      trouble(`the bucket's value of ${key} is left out of the store`, new Error('it is too large for a commit')),
    ));
    const transactions = (this.transactions = new Transactions({
      values,
      finished,
      folded,
      added: () => this.group.request(),
      assertUsable: () => {
        if (this.failure) throw this.failure;
      },
    }));
    const receiver = new CommitReceiver({
      folded,
      values,
      finished,
      transactions,
      adoptions,
      sent,
      pending: () => this.group.pending,
      received: (fillsBucket) => this.received(fillsBucket),
      unreadable: (position, error) => trouble(`message ${position} of the commit log is left out`, error),
    });
    this.checkpoints = new CheckpointStore(bucket);
    const position = (): number => folded.position;
    this.reader = new LogReader(log, {
      time,
      stop,
      position,
      take: (commit) => receiver.take(commit),
      failed: (error) => trouble('the commit log cannot be read yet', error),
      cut: (error) => void this.reopen(error),
    });
    this.group = new GroupCommit({
      host,
      log,
      reader: this.reader,
      finished,
      time,
      stop,
      position,
      contents: (runs) => this.contents(runs),
      goesAlone: () => !adoptions.isEmpty,
      confirmed: (pending, at) => receiver.takeOwn(pending, at),
      refused: (pending) => receiver.refuse(pending),
      tooLarge: (run, error) => transactions.fail(run, error),
      failed: (error) => trouble('a commit cannot be stored yet', error),
      halted: (error) => void this.reopen(error),
    });
    this.filler = new BucketFiller({
      bucket,
      folded,
      checkpoints: this.checkpoints,
      time,
      stop,
      foreign: (key, entry) => {
        if (adoptions.add(key, entry)) this.group.request(true);
      },
      checkpointed: () => undefined,
      failed: (error) => trouble('the bucket cannot be brought up to date yet', error),
    });
  }

  /**
   * Reads the checkpoint and the commits behind it, and follows the log from then on.
   * @throws LogShortened, LogCut
   */
  async open(): Promise<void> {
    await this.restore();
    this.reader.follow();
    this.filler.start();
  }

  /**
   * Adds a handler: it receives the events that commits settle. Returns a function that removes it; this function
   * resolves when these events are stored.
   */
  add(settled: SettledEvents): () => Promise<void> {
    this.folded.add(settled);
    return () => this.folded.remove(settled);
  }

  /** Reads what other hosts have committed by now. Their commits arrive by themselves too, some milliseconds later. */
  async refresh(): Promise<void> {
    await this.reader.catchUpTo((await this.options.log.bounds()).last);
  }

  /** Reads the committed text of a key. */
  async get(key: string): Promise<string | null> {
    return (await this.values.read(key)).committed;
  }

  /** Returns the keys whose committed text is not in the bucket yet, with their texts. */
  get unfilled(): ReadonlyMap<string, { readonly text: string | null }> {
    return this.folded.unfilled;
  }

  /** Stops. Runs that are not committed by then are not committed by this host. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.reader.stop();
    this.sent.stop();
    try {
      await this.filler.finish();
    } catch (error) {
      this.options.trouble('the bucket is not brought up to date by this host', error);
    }
  }

  private received(fillsBucket: boolean): void {
    if (fillsBucket) this.filler.yieldTo();
    this.filler.start();
    if (!this.adoptions.isEmpty) this.group.request(true);
  }

  /** Returns the contents of the next commit. Values of other programs go into a commit without runs. */
  private contents(runs: readonly FinishedRun[]): Omit<Commit, 'host' | 'number'> {
    const { values, adoptions, filler, folded, options } = this;
    const adopted = new Map<string, number>();
    const changes = runs.flatMap((run) => run.runs);
    for (const { writes } of changes) {
      for (const key of writes.keys()) {
        const foreign = values.get(key)?.foreign;
        if (foreign !== undefined) adopted.set(key, foreign);
      }
    }
    return {
      runs: runs.length > 0 ? changes : adoptions.take(adopted, options.time.epochMs()),
      sent: this.sent.take(),
      adopted,
      ...(filler.isFiller && { filled: folded.filled }),
    };
  }

  private restore(): Promise<void> {
    const { reader, checkpoints, folded } = this;
    const { log } = this.options;
    return restoreLog({ log, reader, checkpoints, folded, startFrom: (checkpoint) => this.startFrom(checkpoint) });
  }

  /**
   * Continues from a checkpoint without the commits before it. Runs that are not committed must run again, because a
   * value that they have read may have changed.
   */
  private startFrom({ filled, parts }: Checkpoint): void {
    const { pending } = this.group;
    const runs = this.finished.takeAll();
    // The pending commit may be among those that are gone. If so, its events are settled in the checkpoint.
    if (pending && !pending.fate) {
      pending.fate = 'refused';
      this.sent.putBack(pending.commit);
      runs.unshift(...pending.runs);
    }
    this.adoptions.clear();
    this.folded.restore(filled, parts);
    this.values.clear();
    for (const run of runs)
      run.waiter.resolve(run.runs.some((one) => this.folded.isSettled(one)) ? 'settled' : 'conflict');
  }

  /** Reads the log again from the newest checkpoint, because commits that this host has not read are gone. */
  private async reopen(reason: unknown): Promise<void> {
    if (this.stopping.signal.aborted || reason instanceof Stopped) return;
    try {
      if (!(reason instanceof LogCut)) throw reason;
      await this.restore();
      this.group.request(true);
    } catch (error) {
      this.halt(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Ends the use of the log. Whether the pending commit is in the log stays unknown. */
  private halt(error: Error): void {
    if (this.failure || error instanceof Stopped) return;
    this.failure = error;
    this.stopping.abort();
    const runs = [...(this.group.pending?.runs ?? []), ...this.finished.takeAll()];
    for (const { waiter } of runs) waiter.reject(error);
    this.options.halted(error);
  }
}
