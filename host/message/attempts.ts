import { randomUUID } from 'node:crypto';
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
  /** How often a process has died while it was at the message, as far as that is known: see {@link AttemptLog.started}. */
  readonly deaths: number;
  /** Whether the run is marked as started, so that the mark is to be taken back. */
  readonly marked?: boolean;
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0, applied: [], deaths: 0 };

/** Which try comes after so many failures, from 1. */
export function attemptAfter({ charged, provisional }: Failures): number {
  return charged + provisional + 1;
}

/** Counts failures. The server's delivery count will not do: it counts deploys and lost connections too. */
export interface AttemptLog {
  read(message: MessageRef): MaybePromise<Failures>;
  /** One more, provisionally, with what the run had applied; resolves when it is stored. */
  failed(message: MessageRef, applied: readonly AppliedUpdate[]): Promise<void>;
  /** The message is about to be run: if this process dies before one of the other calls, that was a death under it. */
  started(message: MessageRef): Promise<void>;
  /** The run has ended with nothing to count: given back, postponed, or the broker's fault. */
  ended(message: MessageRef): Promise<void>;
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
  /** The process that is at the message; of another process: that died under it, or is frozen. */
  readonly startedBy?: string | undefined;
}

/** Tells this process from those before it and on other machines. */
const THIS_PROCESS = randomUUID();

/** Keeps the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;

  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
    private readonly process: string = THIS_PROCESS,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: MessageRef): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    return this.parse(entry?.value, message);
  }

  failed(message: MessageRef, applied: readonly AppliedUpdate[]): Promise<void> {
    return this.change(message, (before) => ({
      ...before,
      startedBy: undefined,
      provisional: before.provisional + 1,
      applied: mergeApplied(before.applied, applied),
    }));
  }

  started(message: MessageRef): Promise<void> {
    return this.change(message, (before) => ({ ...before, startedBy: this.process }));
  }

  ended(message: MessageRef): Promise<void> {
    return this.change(message, (before) => ({ ...before, startedBy: undefined }));
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

  private async change(message: MessageRef, next: (before: AttemptRecord) => AttemptRecord): Promise<void> {
    await this.writers.write(this.keyOf(message), (text) => JSON.stringify(next(this.parse(text, message))));
  }

  /** A mark that another process left open counts as its death. */
  private parse(text: string | undefined, { storedAtMs }: MessageRef): AttemptRecord {
    const record = text === undefined ? undefined : (JSON.parse(text) as AttemptRecord);
    if (record?.storedAtMs !== storedAtMs) return { ...NO_FAILURES, storedAtMs };
    const { startedBy, deaths = 0 } = record;
    const died = startedBy !== undefined && startedBy !== this.process;
    return { ...record, deaths: died ? deaths + 1 : deaths, startedBy: died ? undefined : startedBy };
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
