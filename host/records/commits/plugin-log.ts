import type { Time } from '../../base/time';
import type { Entry, KeyValue } from '../key-value';
import { BucketFiller, positionOf } from './bucket-filler';
import { CHECKPOINT_KEY, CheckpointStore } from './checkpoint';
import {
  decodeCommit,
  eventKey,
  UnreadableCommit,
  type Commit,
  type Emit,
  type EventOf,
  type RunChanges,
} from './commit';
import type { CommitLog, LoggedCommit } from './commit-log';
import { FinishedRuns, type CommitResult, type FinishedRun } from './finished-runs';
import { FoldedLog, type SettledEvents } from './folded-log';
import { GroupCommit, type PendingCommit } from './group-commit';
import { KeyLocks } from './key-locks';
import { LogCut, LogReader, LogShortened, Stopped } from './log-reader';
import { StoreValues, type LoadedText, type Value } from './store-values';
import type { Transaction } from './transaction';

export interface PluginLogOptions {
  /** Identifies this host's commits: different for each start of a host. */
  readonly host: string;
  readonly log: CommitLog;
  readonly bucket: KeyValue;
  readonly time: Time;
  /** Called if the server does not answer, or refuses; the host tries again. */
  trouble(message: string, error: unknown): void;
  /** Called once, when the log can not be used any more. Every run is then refused. */
  halted(error: unknown): void;
}

/**
 * One plugin's commit log in this host. A run reads values and collects its changes in a {@link Transaction}; when it
 * has returned, {@link finish} appends the changes to the log. The bucket follows behind.
 */
export class PluginLog {
  readonly folded: FoldedLog;
  private readonly values: StoreValues;
  private readonly finished = new FinishedRuns();
  private readonly locks = new KeyLocks();
  private readonly reader: LogReader;
  private readonly group: GroupCommit;
  private readonly filler: BucketFiller;
  private readonly checkpoints: CheckpointStore;
  private readonly stopping = new AbortController();
  private sent: string[] = [];
  /** Values of other programs that the next commit takes up, by key. */
  private toAdopt = new Map<string, { readonly revision: number; readonly text: string | null }>();
  private failure: unknown;

  constructor(private readonly options: PluginLogOptions) {
    const { host, log, bucket, time, trouble } = options;
    const stop = this.stopping.signal;
    this.folded = new FoldedLog(() => time.nowMs());
    this.values = new StoreValues((key) => this.load(key));
    this.checkpoints = new CheckpointStore(bucket);
    const position = (): number => this.folded.position;
    this.reader = new LogReader(log, {
      time,
      stop,
      position,
      take: (commit) => this.take(commit),
      failed: (error) => trouble('the log of commits cannot be read yet', error),
      cut: (error) => void this.reopen(error),
    });
    this.group = new GroupCommit({
      host,
      log,
      reader: this.reader,
      finished: this.finished,
      time,
      stop,
      position,
      extras: (runs) => this.extras(runs),
      confirmed: (pending, at) => this.takeOwn(pending, at),
      failed: (error) => trouble('a commit cannot be stored yet', error),
      goesAlone: () => this.toAdopt.size > 0,
      halted: (error) => void this.reopen(error),
    });
    this.filler = new BucketFiller({
      bucket,
      folded: this.folded,
      checkpoints: this.checkpoints,
      time,
      stop,
      foreign: (key, entry) => this.adopt(key, entry),
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

  /** Adds a handler: it receives the events that commits settle. */
  add(settled: SettledEvents): () => void {
    this.folded.add(settled);
    return () => this.folded.remove(settled);
  }

  /** Reads a key for a run. */
  read(transaction: Transaction, key: string): string | null | Promise<string | null> {
    const own = transaction.writes.get(key);
    if (own !== undefined) return own;
    const lock = transaction.unlock ? undefined : this.locks.whenFree(key);
    if (lock) return lock.then(() => this.read(transaction, key));
    const value = this.values.read(key);
    return value instanceof Promise ? value.then((one) => note(transaction, key, one)) : note(transaction, key, value);
  }

  /** Changes a key for a run. The run must have read the key. */
  write(transaction: Transaction, key: string, text: string | null): void {
    transaction.writes.set(key, text);
  }

  /**
   * Ends a run: commits its changes.
   * @param runs the changes of each event; none if the run has no effect
   * @returns `conflict` if the run must start again: call {@link prepareAgain} first
   */
  finish(transaction: Transaction, runs: readonly RunChanges[]): CommitResult | Promise<CommitResult> {
    if (this.failure !== undefined) throw this.failure;
    if (runs.some((run) => this.folded.isSettled(run))) return this.end(transaction, 'settled');
    if (this.values.isStale(transaction)) return 'conflict';
    if (runs.length === 0 && !this.values.readsUncommitted(transaction)) return this.end(transaction, 'committed');
    return new Promise((resolve) => {
      this.values.apply(transaction);
      this.finished.add({ transaction, runs, bytes: sizeOf(runs), resolve });
      transaction.unlock?.();
      transaction.unlock = undefined;
      this.group.start();
    });
  }

  /**
   * Locks the keys that a run has touched, before it starts again: within this host, no other run changes them
   * meanwhile.
   */
  async prepareAgain(transaction: Transaction): Promise<void> {
    const keys = [...transaction.reads.keys()];
    transaction.reset();
    transaction.unlock?.();
    transaction.unlock = undefined;
    transaction.unlock = await this.locks.lock(keys);
  }

  /** Ends a run without its changes. */
  abandon(transaction: Transaction): void {
    transaction.reset();
    transaction.unlock?.();
    transaction.unlock = undefined;
  }

  /** Whether a value that the run has read has changed since. An error of such a run may come from mixed values. */
  isStale(transaction: Transaction): boolean {
    return this.values.isStale(transaction);
  }

  /** Reads the committed text of a key. */
  async get(key: string): Promise<string | null> {
    return (await this.values.read(key)).committed;
  }

  /** Returns the emits of a committed run that may not be sent yet. */
  unsentOf(event: EventOf): readonly Emit[] {
    return this.folded.unsent.get(eventKey(event)) ?? [];
  }

  /** Notes that all emits of the event are sent. The next commit tells it. */
  noteSent(event: EventOf): void {
    const name = eventKey(event);
    if (this.folded.unsent.delete(name)) this.sent.push(name);
  }

  /** Stops: what is not committed by then is not committed by this host. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.reader.stop();
    await this.filler.finish().catch((error: unknown) => this.options.trouble('the bucket is not up to date', error));
  }

  private end(transaction: Transaction, result: CommitResult): CommitResult {
    this.abandon(transaction);
    return result;
  }

  private load(key: string): LoadedText | Promise<LoadedText> {
    const unfilled = this.folded.unfilled.get(key);
    if (unfilled) return { text: unfilled.text, position: unfilled.position };
    return this.options.bucket.get(key).then((entry) => {
      const text = entry?.value ?? null;
      const position = positionOf(entry);
      if (entry && position === undefined) return { text, position: 0, foreign: entry.revision };
      return { text, position: position ?? 0 };
    });
  }

  private take({ position, text }: LoggedCommit): void {
    const { pending } = this.group;
    if (pending && !pending.fate && position === pending.expected + 1 && text === pending.text) {
      return this.takeOwn(pending, position);
    }
    let commit: Commit;
    try {
      commit = decodeCommit(text);
    } catch (error) {
      if (!(error instanceof UnreadableCommit)) throw error;
      this.options.trouble(`a message of the log of commits is left out: ${position}`, error);
      commit = { host: '', number: 0, runs: [], sent: [], adopted: new Map() };
    }
    this.takeOther(commit, position);
  }

  /** Takes a commit of this host. */
  private takeOwn(pending: PendingCommit, position: number): void {
    pending.fate = 'committed';
    const { commit, runs } = pending;
    this.folded.fold(position, commit);
    for (const { transaction } of runs) this.values.committed(transaction.writes, position);
    this.takeAdopted(commit, position);
    for (const { resolve } of runs) resolve('committed');
    this.filler.start();
  }

  /**
   * Takes a commit of another host. The pending commit is then refused. Runs whose event is settled now are dropped, and
   * those that have read a changed value run again.
   */
  private takeOther(commit: Commit, position: number): void {
    const { pending } = this.group;
    if (pending && !pending.fate) {
      pending.fate = 'refused';
      this.finished.putBack(pending.runs);
      this.sent.push(...pending.commit.sent);
      for (const { origin, writes } of pending.commit.runs) {
        if (origin.handler !== ADOPTED) continue;
        for (const [key, text] of writes) this.toAdopt.set(key, { revision: pending.commit.adopted.get(key)!, text });
      }
    }
    this.folded.fold(position, commit);
    if (commit.filled !== undefined) this.filler.yieldTo();
    const changed = new Set<string>();
    for (const { writes } of commit.runs) {
      for (const [key, text] of writes) {
        this.values.replace(key, text, position);
        changed.add(key);
      }
    }
    const settled = this.finished.takeSettled((run) => this.folded.isSettled(run));
    for (const { transaction } of settled) for (const key of transaction.writes.keys()) changed.add(key);
    this.discard(changed, settled);
    this.filler.start();
    if (this.toAdopt.size > 0) this.group.start(true);
  }

  private takeAdopted({ runs }: Commit, position: number): void {
    const changed = new Set<string>();
    for (const { origin, writes } of runs) {
      if (origin.handler !== ADOPTED) continue;
      for (const [key, text] of writes) {
        this.values.replace(key, text, position);
        changed.add(key);
      }
    }
    this.discard(changed);
  }

  /** Discards the uncommitted changes of these keys. The finished runs that depend on them run again. */
  private discard(changed: Set<string>, settled: readonly FinishedRun[] = []): void {
    const outdated = changed.size > 0 ? this.finished.takeOutdated(changed) : [];
    this.values.discard(changed);
    for (const { resolve } of settled) resolve('settled');
    for (const { resolve } of outdated) resolve('conflict');
  }

  /**
   * Reads the log again from the newest checkpoint, because commits that this host has not read are gone. All runs that
   * are not committed run again.
   */
  private async reopen(reason: unknown): Promise<void> {
    if (this.stopping.signal.aborted || reason instanceof Stopped) return;
    if (!(reason instanceof LogCut)) return this.halt(reason);
    try {
      await this.restore();
    } catch (error) {
      return this.halt(error);
    }
    // The pending commit may be among those that are gone. If so, the checkpoint has its events as settled.
    const all = [...this.group.takePending(), ...this.finished.takeAll()];
    this.values.clear();
    for (const { runs, resolve } of all) {
      resolve(runs.some((run) => this.folded.isSettled(run)) ? 'settled' : 'conflict');
    }
    this.group.start(true);
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

  private adopt(key: string, entry: Entry): void {
    if (key === CHECKPOINT_KEY || entry.revision <= (this.folded.adopted.get(key)?.revision ?? 0)) return;
    this.toAdopt.set(key, { revision: entry.revision, text: entry.value ?? null });
    this.group.start(true);
  }

  private extras(runs: readonly FinishedRun[]) {
    const adopted = new Map<string, number>();
    const changes = runs.flatMap((run) => run.runs);
    for (const { writes } of changes) {
      for (const key of writes.keys()) {
        const foreign = this.values.get(key)?.foreign;
        if (foreign !== undefined) adopted.set(key, foreign);
      }
    }
    const sent = this.sent;
    this.sent = [];
    return {
      runs: runs.length > 0 ? changes : this.takeToAdopt(adopted),
      sent,
      adopted,
      ...(this.filler.isFiller && { filled: this.folded.filled }),
    };
  }

  /** Takes the values of other programs for a commit of their own. */
  private takeToAdopt(adopted: Map<string, number>): RunChanges[] {
    const writes = new Map<string, string | null>();
    for (const [key, { revision, text }] of this.toAdopt) {
      if (revision <= (this.folded.adopted.get(key)?.revision ?? 0)) continue;
      adopted.set(key, revision);
      writes.set(key, text);
    }
    this.toAdopt.clear();
    if (writes.size === 0) return [];
    return [{ origin: { handler: ADOPTED, timeMs: this.options.time.epochMs() }, writes, emits: [] }];
  }

  private halt(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.stopping.abort();
    this.options.halted(error);
  }
}

/** The origin of a value that another program has written to the bucket. */
const ADOPTED = 'bucket';

function note(transaction: Transaction, key: string, { current, version }: Value): string | null {
  if (!transaction.reads.has(key)) transaction.reads.set(key, version);
  return current;
}

function sizeOf(runs: readonly RunChanges[]): number {
  let bytes = 0;
  for (const { writes, emits } of runs) {
    bytes += 100;
    for (const [key, text] of writes) bytes += key.length + (text?.length ?? 0) + 8;
    for (const { subject, payload } of emits) bytes += subject.length + payload.length + 120;
  }
  return bytes;
}
