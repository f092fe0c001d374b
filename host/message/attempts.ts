import type { KeyValue } from '../effects/key-value';
import { KeyWriters } from '../effects/key-writers';
import type { MaybePromise } from '../maybe-promise';
import type { AppliedUpdate, MessageRef } from './delivery';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Its own: the handler worked on others meanwhile. */
  readonly charged: number;
  /** Since the handler's last success: its own, or an outage's. */
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
  /** The provisional failures turn out to be an outage's. */
  discharge(message: MessageRef): Promise<void>;
  /** The message is settled: its record is not needed any more. */
  forget(message: MessageRef): Promise<void>;
}

interface AttemptRecord extends Failures {
  /** When the message was stored: a stream made again counts its sequences anew. */
  readonly storedAtMs: number;
}

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;

  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: MessageRef): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    return parse(entry?.value, message);
  }

  failed(message: MessageRef, applied: readonly AppliedUpdate[]): Promise<void> {
    return this.change(message, (before) => ({
      charged: before.charged,
      provisional: before.provisional + 1,
      applied: mergeApplied(before.applied, applied),
    }));
  }

  charge(message: MessageRef): Promise<void> {
    return this.change(message, (before) => ({
      ...before,
      charged: before.charged + before.provisional,
      provisional: 0,
    }));
  }

  discharge(message: MessageRef): Promise<void> {
    return this.change(message, (before) => ({ ...before, provisional: 0 }));
  }

  async forget(message: MessageRef): Promise<void> {
    await this.writers.write(this.keyOf(message), () => undefined);
  }

  private async change(message: MessageRef, next: (failures: Failures) => Failures): Promise<void> {
    await this.writers.write(this.keyOf(message), (text) => {
      const record: AttemptRecord = { ...next(parse(text, message)), storedAtMs: message.storedAtMs };
      return JSON.stringify(record);
    });
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

function parse(text: string | undefined, message: MessageRef): Failures {
  if (text === undefined) return NO_FAILURES;
  const record = JSON.parse(text) as AttemptRecord;
  return record.storedAtMs === message.storedAtMs ? record : NO_FAILURES;
}
