import { randomUUID } from 'node:crypto';
import type { KeyValue } from '../../records/key-value';
import { KeyWriters } from '../../records/key-writers';
import type { Settlements } from '../../records/settlements';
import type { LongTexts } from '../../records/long-texts';
import type { MaybePromise } from '../../base/maybe-promise';
import { carried, carry, isShort, mergeApplied, type CarriedUpdates } from './applied';
import type { AppliedUpdate, MessageRef, Past } from '../../broker/delivery';
import type { DeadLetterReason } from '../outcome';
import type { Outages } from './outages';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Its own: the handler worked on others meanwhile. */
  readonly charged: number;
  /** Since the handler's last success: its own, or an outage's. None any more once an outage has begun. */
  readonly provisional: number;
  /** How many outages the handler had had by the last of them. */
  readonly outages: number;
  /** What the runs that failed had applied to stores by then. */
  readonly applied: readonly AppliedUpdate[];
  /** How often a process has died while it was at the message, as far as that is known: see {@link AttemptLog.started}. */
  readonly deaths: number;
  /** Whether its runs may have applied more than is known: one died, or had no answer. */
  readonly unsure?: boolean | undefined;
  /** As what it is to be dead-lettered, where that was decided and is not known to be done. */
  readonly buried?: Burial | undefined;
}

/** Why a message becomes a dead letter. */
export interface Burial {
  readonly reason: DeadLetterReason;
  readonly error: Error;
  readonly attempts: number;
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0, outages: 0, applied: [], deaths: 0 };

/** Which try comes after so many failures, from 1. */
export function attemptAfter({ charged, provisional }: Failures): number {
  return charged + provisional + 1;
}

/** A message, with what it brings of its failures from before, where it comes by the retry road. */
export type CountedMessage = MessageRef & { readonly past?: Past | undefined };

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

/** What is on record of a message's failures. */
interface AttemptState extends Omit<Failures, 'buried'>, CarriedUpdates {
  readonly buried?: (Omit<Burial, 'error'> & { name: string; message: string; stack: string | undefined }) | undefined;
  /** The process that is at the message; of another process: that died under it, or is frozen. */
  readonly startedBy?: string | undefined;
}

interface AttemptRecord extends AttemptState {
  /** When the message was stored: a stream made again counts its sequences anew. */
  readonly storedAtMs: number;
}

/** Longer than what a letter takes of an error. */
const MAX_TEXT = 8_192;

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
    private readonly outages: Outages,
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

  bury(message: CountedMessage, { reason, error, attempts }: Burial): Promise<void> {
    const { name, message: text, stack } = error;
    return this.change(message, this.outages.count, (before) => ({
      ...this.unmarked(before),
      buried: { reason, attempts, name, message: text.slice(0, MAX_TEXT), stack: stack?.slice(0, MAX_TEXT) },
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
   * The record, or where there is none what the message brings from before.
   * @param now how many outages there have been by now; without it, by whenever somebody looks at the failures
   */
  private parse(text: string | undefined, message: CountedMessage, now?: number): AttemptState {
    const found = text === undefined ? undefined : (JSON.parse(text) as AttemptRecord);
    const record: AttemptState = found?.storedAtMs === message.storedAtMs ? found : broughtBy(message);
    const { charged, provisional, outages, applied, appliedIn, deaths, startedBy, unsure, buried } = record;
    this.outages.learn(outages);
    if (appliedIn !== undefined) this.long.set(this.keyOf(message), appliedIn);
    const all = this.outages;
    return {
      charged,
      get provisional() {
        return outages < (now ?? all.count) ? 0 : provisional;
      },
      outages,
      applied,
      ...(appliedIn !== undefined && { appliedIn }),
      deaths,
      ...(unsure && { unsure }),
      ...(startedBy !== undefined && { startedBy }),
      ...(buried && { buried }),
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

/** Of what it brings in a record that one is the road's, to be read with it and not to be removed here. */
export function broughtBy({ past }: CountedMessage): Omit<Failures, 'buried'> {
  if (!past) return NO_FAILURES;
  const { failures, provisional = 0, outages = 0, applied } = past;
  return { charged: failures, provisional, outages, applied, deaths: 0, ...(past.unsure && { unsure: true }) };
}

/** Not by a copy of its fields: whether the provisional ones count is seen when they are looked at. */
function withKnown(failures: AttemptState, applied: readonly AppliedUpdate[], deaths: number): Failures {
  return {
    charged: failures.charged,
    get provisional() {
      return failures.provisional;
    },
    outages: failures.outages,
    applied,
    deaths,
    unsure: failures.unsure,
    buried: failures.buried && revived(failures.buried),
  };
}

/** The error as it was, for the letter. */
function revived({ reason, attempts, name, message, stack }: NonNullable<AttemptState['buried']>): Burial {
  return { reason, attempts, error: Object.assign(new Error(message), { name, stack }) };
}
