import { randomUUID } from 'node:crypto';
import type { KeyValue } from '../../records/key-value';
import { KeyWriters } from '../../records/key-writers';
import type { Settlements } from '../../records/settlements';
import type { LongTexts } from '../../records/long-texts';
import type { MaybePromise } from '../../base/maybe-promise';
import { carried, carry, isShort, mergeApplied, type CarriedUpdates } from './applied';
import type { Burial, CountedMessage, Failures } from './failures';
import { burialOf, readRecord, storedBurial, type AttemptRecord, type AttemptState } from './attempt-record';
import type { AppliedUpdate, MessageRef } from '../../broker/delivery';
import type { Outages } from './outages';

/** Counts failures. The server's delivery count will not do: it counts deploys and lost connections too. */
export interface AttemptLog {
  read(message: CountedMessage): MaybePromise<Failures>;
  /** One more, provisionally, with what the run had applied; resolves when it is stored. */
  failed(message: CountedMessage, applied: readonly AppliedUpdate[], unsure?: boolean): Promise<void>;
  /** It is to be dead-lettered and not to be run again, whoever lives to do it. */
  bury(message: CountedMessage, burial: Burial): Promise<void>;
  /** The message is about to be run: if this process dies before one of the other calls, that was a death under it. */
  started(message: CountedMessage): Promise<void>;
  /** The process that the handler ran in, not this one, has ended under the message, with what the run had applied. */
  died(message: CountedMessage, applied: readonly AppliedUpdate[], unsure?: boolean): Promise<void>;
  /** The run has ended with nothing to count: given back, postponed, or the broker's fault. */
  ended(message: CountedMessage): Promise<void>;
  /** The provisional failures turn out to be the message's own. */
  charge(message: CountedMessage): Promise<void>;
  /** The message is settled: its record is not needed any more. */
  forget(message: MessageRef): Promise<void>;
}

/** Tells this process from those before it and on other machines. */
const THIS_PROCESS = randomUUID();

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;
  /** The records whose updates are in a record of their own. */
  private readonly long = new Map<string, string>();

  constructor(
    private readonly records: KeyValue,
    private readonly texts: LongTexts,
    private readonly durable: string,
    private readonly outages: Pick<Outages, 'count' | 'learn'>,
    private readonly process: string = THIS_PROCESS,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: CountedMessage): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    const failures = this.parse(entry?.value, message);
    const { past } = message;
    const own = await carried(failures, this.texts);
    const applied = past?.appliedIn === undefined ? own : mergeApplied(await carried(past, this.texts), own);
    return withKnown(failures, applied, this.deathsOf(failures));
  }

  bury(message: CountedMessage, burial: Burial): Promise<void> {
    return this.change(message, this.outages.count, (before) => ({
      ...this.unmarked(before),
      buried: storedBurial(burial),
    }));
  }

  async failed(message: CountedMessage, applied: readonly AppliedUpdate[], unsure = false): Promise<void> {
    await this.leave(message, applied, unsure, ({ provisional }) => ({ provisional: provisional + 1 }));
  }

  async died(message: CountedMessage, applied: readonly AppliedUpdate[], unsure = false): Promise<void> {
    await this.leave(message, applied, unsure, (before) => ({ deaths: this.deathsOf(before) + 1 }));
  }

  started(message: CountedMessage): Promise<void> {
    return this.change(message, this.outages.count, (before) => ({
      ...before,
      deaths: this.deathsOf(before),
      startedBy: this.process,
    }));
  }

  ended(message: CountedMessage): Promise<void> {
    return this.change(message, this.outages.count, (before) => this.unmarked(before));
  }

  charge(message: CountedMessage): Promise<void> {
    return this.change(message, this.outages.count, (before) =>
      // Nothing to charge, or settled and forgotten meanwhile: then nothing is to be left of it.
      before.provisional === 0
        ? undefined
        : { ...before, charged: before.charged + before.provisional, provisional: 0 },
    );
  }

  async forget(message: MessageRef): Promise<void> {
    const key = this.keyOf(message);
    await this.writers.purge(key);
    const text = this.long.get(key);
    this.long.delete(key);
    if (text !== undefined) await this.texts.remove(text);
  }

  /** The messages of a stream that have failed since the handler's last success, as hosts before this one left them; forgets those that are settled. */
  async failing(stream: string, settlements: Settlements): Promise<MessageRef[]> {
    const keys = await this.records.keys(`attempts.${this.durable}.${stream}`);
    const found = await Promise.all(keys.map((key) => this.failingAt(key, stream, settlements)));
    return found.filter((message) => message !== undefined);
  }

  /** A run has ended badly, and left this. */
  private async leave(
    message: CountedMessage,
    applied: readonly AppliedUpdate[],
    unsure: boolean,
    counted: (before: AttemptState) => Partial<AttemptState>,
  ): Promise<void> {
    // What is told now is of now, however late it is written: an outage may begin meanwhile.
    const outages = this.outages.count;
    const { applied: short, appliedIn }: CarriedUpdates = isShort(applied)
      ? { applied }
      : await carry(applied, this.textOf(message), this.texts);
    await this.change(message, outages, (before) => ({
      ...this.unmarked(before),
      ...counted(before),
      ...((unsure || before.unsure) && { unsure: true }),
      applied: mergeApplied(before.applied, short),
      ...(appliedIn !== undefined && { appliedIn }),
    }));
  }

  private async failingAt(key: string, stream: string, settlements: Settlements): Promise<MessageRef | undefined> {
    const entry = await this.records.get(key);
    if (entry?.value === undefined) return undefined;
    const { storedAtMs } = JSON.parse(entry.value) as AttemptRecord;
    const message = { stream, sequence: Number(key.slice(key.lastIndexOf('.') + 1)), storedAtMs };
    const { provisional } = this.parse(entry.value, message);
    if (settlements.has(message.sequence) || storedAtMs < Date.parse(settlements.streamIncarnation)) {
      // A host settled it and did not live to forget it, or its stream was made again.
      await this.forget(message);
      return undefined;
    }
    return provisional === 0 ? undefined : message;
  }

  private async change(
    message: CountedMessage,
    outages: number,
    next: (before: AttemptState) => AttemptState | undefined,
  ): Promise<void> {
    await this.writers.write(this.keyOf(message), (text) => {
      const before = this.parse(text, message, outages);
      const after = next(before);
      if (!after) return text;
      const { storedAtMs } = message;
      const record: AttemptRecord = { ...after, storedAtMs, outages: Math.max(outages, before.outages) };
      if (record.appliedIn !== undefined) this.long.set(this.keyOf(message), record.appliedIn);
      return JSON.stringify(record);
    });
  }

  /**
   * Provisional failures do not count once a later outage has begun.
   * @param now the number of outages so far. Default: the number at the time at which `provisional` is read
   */
  private parse(text: string | undefined, message: CountedMessage, now?: number): AttemptState {
    const record = readRecord(text, message);
    const { outages, provisional, appliedIn } = record;
    this.outages.learn(outages);
    if (appliedIn !== undefined) this.long.set(this.keyOf(message), appliedIn);
    const all = this.outages;
    return {
      ...record,
      get provisional() {
        return outages < (now ?? all.count) ? 0 : provisional;
      },
    };
  }

  /** A mark that is another process's when the message comes to this one: that process died under it. */
  private deathsOf({ deaths, startedBy }: AttemptState): number {
    return startedBy === undefined || startedBy === this.process ? deaths : deaths + 1;
  }

  /** Another process's mark is not this one's to take back: it may be at the message now. */
  private unmarked(state: AttemptState): AttemptState {
    if (state.startedBy !== this.process) return state;
    const { startedBy: _mine, ...rest } = state;
    return rest;
  }

  private textOf({ stream, sequence, storedAtMs }: MessageRef): string {
    return `attempts.${this.durable}.${stream}.${sequence}.${storedAtMs}`;
  }

  private keyOf(message: MessageRef): string {
    return `attempts.${this.durable}.${message.stream}.${message.sequence}`;
  }
}

/** Keeps `provisional` a getter: whether those failures count is decided when it is read. */
function withKnown(state: AttemptState, applied: readonly AppliedUpdate[], deaths: number): Failures {
  return {
    charged: state.charged,
    get provisional() {
      return state.provisional;
    },
    outages: state.outages,
    applied,
    deaths,
    unsure: state.unsure,
    buried: state.buried && burialOf(state.buried),
  };
}
