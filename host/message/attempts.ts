import type { KeyValue } from '../effects/key-value';
import { KeyWriters } from '../effects/key-writers';
import type { Settlements } from '../effects/settlements';
import type { MaybePromise } from '../maybe-promise';
import type { AppliedUpdate, MessageRef } from './delivery';
import type { Outages } from './outages';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Its own: the handler worked on others meanwhile. */
  readonly charged: number;
  /** Since the handler's last success: its own, or an outage's. None any more once an outage has begun. */
  readonly provisional: number;
  /** What the runs that failed had applied to stores by then. */
  readonly applied: readonly AppliedUpdate[];
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0, applied: [] };

/** Counts failures. The server's delivery count will not do: it counts deploys and lost connections too. */
export interface AttemptLog {
  read(message: MessageRef): MaybePromise<Failures>;
  /** One more, provisionally, with what the run had applied; resolves when it is stored. */
  failed(message: MessageRef, applied: readonly AppliedUpdate[]): Promise<void>;
  /** The provisional failures turn out to be the message's own. */
  charge(message: MessageRef): Promise<void>;
  /** The message is settled: its record is not needed any more. */
  forget(message: MessageRef): Promise<void>;
}

interface AttemptRecord extends Failures {
  /** When the message was stored: a stream made again counts its sequences anew. */
  readonly storedAtMs: number;
  /** How many outages the handler had had by then: a later one discharges the provisional failures. */
  readonly outages: number;
}

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;

  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
    private readonly outages: Outages,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: MessageRef): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    return this.parse(entry?.value, message);
  }

  failed(message: MessageRef, applied: readonly AppliedUpdate[]): Promise<void> {
    return this.change(message, (before) => ({
      charged: before.charged,
      provisional: before.provisional + 1,
      applied: mergeApplied(before.applied, applied),
    }));
  }

  charge(message: MessageRef): Promise<void> {
    return this.change(message, (before) =>
      // Nothing to charge, or settled and forgotten meanwhile: then nothing is to be left of it.
      before.provisional === 0
        ? undefined
        : { ...before, charged: before.charged + before.provisional, provisional: 0 },
    );
  }

  forget(message: MessageRef): Promise<void> {
    return this.writers.purge(this.keyOf(message));
  }

  /** The messages of a stream that have failed since the handler's last success, as hosts before this one left them; forgets those that are settled. */
  async failing(stream: string, settlements: Settlements): Promise<MessageRef[]> {
    const keys = await this.records.keys(`attempts.${this.durable}.${stream}`);
    const found = await Promise.all(keys.map((key) => this.failingAt(key, stream, settlements)));
    return found.filter((message) => message !== undefined);
  }

  private async failingAt(key: string, stream: string, settlements: Settlements): Promise<MessageRef | undefined> {
    const entry = await this.records.get(key);
    if (entry?.value === undefined) return undefined;
    const { storedAtMs } = JSON.parse(entry.value) as AttemptRecord;
    const message = { stream, sequence: Number(key.slice(key.lastIndexOf('.') + 1)), storedAtMs };
    if (settlements.has(message.sequence) || storedAtMs < Date.parse(settlements.generation)) {
      // A host settled it and did not live to forget it, or its stream was made again.
      await this.forget(message);
      return undefined;
    }
    return this.parse(entry.value, message).provisional === 0 ? undefined : message;
  }

  private async change(message: MessageRef, next: (before: Failures) => Failures | undefined): Promise<void> {
    // What is told now is of now, however late it is written: an outage may begin meanwhile.
    const outages = this.outages.count;
    await this.writers.write(this.keyOf(message), (text) => {
      const before = this.parse(text, message, outages);
      const after = next(before);
      if (!after) return text;
      const record: AttemptRecord = {
        ...after,
        storedAtMs: message.storedAtMs,
        outages: Math.max(outages, before.outages),
      };
      return JSON.stringify(record);
    });
  }

  /** @param now how many outages there have been by now; without it, by whenever somebody looks at the failures */
  private parse(text: string | undefined, message: MessageRef, now?: number): Failures & { outages: number } {
    const record = text === undefined ? undefined : (JSON.parse(text) as AttemptRecord);
    if (record?.storedAtMs !== message.storedAtMs) return { ...NO_FAILURES, outages: 0 };
    const { charged, provisional, applied, outages } = record;
    this.outages.learn(outages);
    const all = this.outages;
    return {
      charged,
      get provisional() {
        return outages < (now ?? all.count) ? 0 : provisional;
      },
      applied,
      outages,
    };
  }

  private keyOf(message: MessageRef): string {
    return `attempts.${this.durable}.${message.stream}.${message.sequence}`;
  }
}

/** Both, each update once. */
export function mergeApplied(
  before: readonly AppliedUpdate[],
  added: readonly AppliedUpdate[],
): readonly AppliedUpdate[] {
  if (before.length === 0) return added;
  const has = ([key, ordinal]: AppliedUpdate): boolean => before.some((one) => one[0] === key && one[1] === ordinal);
  return [...before, ...added.filter((update) => !has(update))];
}
