import type { Time } from '../../base/time';
import type { KeyValue } from '../key-value';
import { Adoptions } from './adoptions';
import { BucketFiller } from './bucket-filler';
import { CheckpointStore } from './checkpoint';
import type { Commit } from './commit';
import type { CommitLog } from './commit-log';
import { CommitReceiver } from './commit-receiver';
import { DoneParts } from './done-parts';
import { FinishedRuns, type FinishedRun } from './finished-runs';
import { FoldedLog, type SettledEvents } from './folded-log';
import { GroupCommit } from './group-commit';
import { LogCut, LogReader, LogShortened, Stopped } from './log-reader';
import { StoreValues, type LoadedText } from './store-values';
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
  /** The parts of events whose emits are sent. */
  readonly sent: DoneParts;
  /** The events whose after-commit work is done. */
  readonly worked: DoneParts;
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
    const values = (this.values = new StoreValues((key) => this.load(key)));
    const noteDone = (): void => this.group.start(true);
    const sent = (this.sent = new DoneParts(folded.unsent, time, noteDone));
    const worked = (this.worked = new DoneParts(folded.past, time, noteDone));
    const adoptions = (this.adoptions = new Adoptions(folded));
    const transactions = (this.transactions = new Transactions({
      values,
      finished,
      folded,
      added: () => this.group.start(),
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
      worked,
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
        if (adoptions.add(key, entry)) this.group.start(true);
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

  /** Adds a handler: it receives the events that commits settle. Returns a function that removes it. */
  add(settled: SettledEvents): () => void {
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
    this.worked.stop();
    try {
      await this.filler.finish();
    } catch (error) {
      this.options.trouble('the bucket is not brought up to date by this host', error);
    }
  }

  private load(key: string): LoadedText | Promise<LoadedText> {
    const unfilled = this.folded.unfilled.get(key);
    if (unfilled) return { text: unfilled.text, position: unfilled.position };
    return this.options.bucket.get(key).then((entry) => {
      const text = entry?.value ?? null;
      const position = entry?.position;
      if (entry && position === undefined) return { text, position: 0, foreign: entry.revision };
      return { text, position: position ?? 0 };
    });
  }

  private received(fillsBucket: boolean): void {
    if (fillsBucket) this.filler.yieldTo();
    this.filler.start();
    if (!this.adoptions.isEmpty) this.group.start(true);
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
      worked: this.worked.take(),
      adopted,
      ...(filler.isFiller && { filled: folded.filled }),
    };
  }

  private async restore(): Promise<void> {
    const checkpoint = await this.reader.sure(() => this.checkpoints.read());
    const { last } = await this.reader.sure(() => this.options.log.bounds());
    if (checkpoint) {
      if (last < checkpoint.folded) throw new LogShortened(checkpoint.folded, last);
      if (checkpoint.filled > this.folded.position) this.folded.restore(checkpoint.filled, checkpoint.parts);
    }
    await this.reader.catchUpTo(last);
  }

  /**
   * Reads the log again from the newest checkpoint, because commits that this host has not read are gone. All runs that
   * are not committed run again.
   */
  private async reopen(reason: unknown): Promise<void> {
    if (this.stopping.signal.aborted || reason instanceof Stopped) return;
    try {
      if (!(reason instanceof LogCut)) throw reason;
      await this.restore();
    } catch (error) {
      return this.halt(error instanceof Error ? error : new Error(String(error)));
    }
    // The pending commit may be among those that are gone. If so, its events are settled in the checkpoint.
    const all = [...this.group.takePending(), ...this.finished.takeAll()];
    this.values.clear();
    for (const { runs, resolve } of all) {
      resolve(runs.some((run) => this.folded.isSettled(run)) ? 'settled' : 'conflict');
    }
    this.group.start(true);
  }

  private halt(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.stopping.abort();
    this.options.halted(error);
  }
}
