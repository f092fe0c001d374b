import type { KeyValue } from '../../records/key-value';
import { KeyWriters } from '../../records/key-writers';
import { Limiter } from '../../base/limiter';
import type { Settlements } from '../../records/settlements';
import type { MaybePromise } from '../../base/maybe-promise';
import type { Burial, CountedMessage, Failures } from './failures';
import {
  attemptsKey,
  burialOf,
  encodeRecord,
  parseRecord,
  stateOf,
  storedBurial,
  type AttemptRecord,
  type AttemptState,
  type LastFailure,
} from './attempt-record';
import type { MessageRef } from '../../broker/delivery';
import type { Outages } from './outages';

/** Counts failures. The server's delivery count would not do, because it also counts deploys and lost connections. */
export interface AttemptLog {
  read(message: CountedMessage): MaybePromise<Failures>;
  /**
   * Counts one more failure, provisionally. Resolves when it is stored.
   * @param last describes the failure, for `jetplug fate`
   */
  failed(message: CountedMessage, last?: LastFailure): Promise<void>;
  /** Records that the message is dead-lettered and must not run again, in any process. */
  bury(message: CountedMessage, burial: Burial): Promise<void>;
  /**
   * Records that the message is about to run. If this process dies before another of these calls, that counts as a
   * death.
   */
  started(message: CountedMessage): Promise<void>;
  /** Records that the plugin's own process ended while it ran the message. */
  died(message: CountedMessage): Promise<void>;
  /**
   * Removes the mark of a run after which no failure counts, because the handler returned, the event was released or
   * postponed, or the broker failed.
   */
  ended(message: CountedMessage): Promise<void>;
  /** Charges the provisional failures to the message. */
  charge(message: CountedMessage): Promise<void>;
  /** Removes the record of a settled message. Only a few removals are made at once. */
  forget(message: MessageRef): Promise<void>;
}

const REMOVALS_AT_ONCE = 16;

/** Stores the counts in the host's own bucket, where they outlive the host. */
export class KvAttemptLog implements AttemptLog {
  private readonly writers: KeyWriters;
  private readonly removals = new Limiter(REMOVALS_AT_ONCE);
  /** The removals that are not made yet. */
  private readonly removing = new Set<Promise<void>>();

  constructor(
    private readonly records: KeyValue,
    private readonly durable: string,
    private readonly outages: Pick<Outages, 'count' | 'learn'>,
    /** Identifies this start of the host, among earlier ones and those on other machines. */
    private readonly process: string,
  ) {
    this.writers = new KeyWriters(records);
  }

  async read(message: CountedMessage): Promise<Failures> {
    const entry = await this.records.get(this.keyOf(message));
    const failures = this.parse(entry?.value, message);
    return withKnown(failures, this.deathsOf(failures));
  }

  bury(message: CountedMessage, burial: Burial): Promise<void> {
    return this.change(message, this.outages.count, (before) => ({
      ...this.unmarked(before),
      buried: storedBurial(burial),
    }));
  }

  async failed(message: CountedMessage, last?: LastFailure): Promise<void> {
    await this.leave(message, ({ provisional }) => ({ provisional: provisional + 1, ...(last && { last }) }));
  }

  async died(message: CountedMessage): Promise<void> {
    await this.leave(message, (before) => ({ deaths: this.deathsOf(before) + 1 }));
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
      // Nothing is provisional, or the message was settled meanwhile and must not get a record again.
      before.provisional === 0
        ? undefined
        : { ...before, charged: before.charged + before.provisional, provisional: 0 },
    );
  }

  async forget(message: MessageRef): Promise<void> {
    const removal = this.removals.take(() => this.writers.purge(this.keyOf(message)));
    this.removing.add(removal);
    try {
      await removal;
    } finally {
      this.removing.delete(removal);
    }
  }

  /** Resolves when no removal is under way. Never rejects. */
  async whenForgotten(): Promise<void> {
    while (this.removing.size > 0) await Promise.allSettled(this.removing);
  }

  /**
   * Finds the messages of a stream that failed since the handler's last success, as recorded by earlier hosts. Removes
   * the records of settled messages.
   * @param needsLetter whether the dead letter of a settled message may not be stored yet. Then its record stays
   */
  async failing(
    stream: string,
    settlements: Settlements,
    needsLetter: (message: MessageRef) => Promise<boolean>,
  ): Promise<MessageRef[]> {
    const keys = await this.records.keys(`attempts.${this.durable}.${stream}`);
    const found = await Promise.all(keys.map((key) => this.failingAt(key, stream, settlements, needsLetter)));
    return found.filter((message) => message !== undefined);
  }

  /** Records a run that failed or died. */
  private async leave(
    message: CountedMessage,
    counted: (before: AttemptState) => Partial<AttemptState>,
  ): Promise<void> {
    // The count is read before the write, because the failure belongs to the outages so far and another may begin
    // meanwhile.
    const outages = this.outages.count;
    await this.change(message, outages, (before) => ({ ...this.unmarked(before), ...counted(before) }));
  }

  private async failingAt(
    key: string,
    stream: string,
    settlements: Settlements,
    needsLetter: (message: MessageRef) => Promise<boolean>,
  ): Promise<MessageRef | undefined> {
    const entry = await this.records.get(key);
    if (entry?.value === undefined) return undefined;
    const { storedAtMs } = parseRecord(key, entry.value);
    const message = { stream, sequence: Number(key.slice(key.lastIndexOf('.') + 1)), storedAtMs };
    const { provisional } = this.parse(entry.value, message);
    const isLost = storedAtMs < Date.parse(settlements.streamIncarnation);
    const isSettled = settlements.has(message.sequence);
    // Another host may have recorded the reason for the letter after this read.
    if (!isLost && isSettled && (await needsLetter(message))) return undefined;
    if (isLost || isSettled) {
      // A host settled the message and ended before it removed the record, or the stream was created again.
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
      return encodeRecord(record);
    });
  }

  /**
   * Reads a record. Its provisional failures do not count once a later outage has begun.
   * @param now the number of outages so far. Default: the number at the time at which `provisional` is read
   */
  private parse(text: string | undefined, message: CountedMessage, now?: number): AttemptState {
    const found = text === undefined ? undefined : parseRecord(this.keyOf(message), text);
    const record = stateOf(found, message);
    const { outages, provisional } = record;
    this.outages.learn(outages);
    const all = this.outages;
    return {
      ...record,
      get provisional() {
        return outages < (now ?? all.count) ? 0 : provisional;
      },
    };
  }

  /** Counts the deaths. A mark of another process counts as one, because that process died while it ran the message. */
  private deathsOf({ deaths, startedBy }: AttemptState): number {
    return startedBy === undefined || startedBy === this.process ? deaths : deaths + 1;
  }

  /**
   * Removes this process's mark. The mark of another process stays, because that process may be running the message.
   */
  private unmarked(state: AttemptState): AttemptState {
    if (state.startedBy !== this.process) return state;
    const { startedBy: _mine, ...rest } = state;
    return rest;
  }

  private keyOf(message: MessageRef): string {
    return attemptsKey(this.durable, message);
  }
}

/** Returns the failures. `provisional` stays a getter, because reading it decides whether those failures count. */
function withKnown(state: AttemptState, deaths: number): Failures {
  return {
    charged: state.charged,
    get provisional() {
      return state.provisional;
    },
    outages: state.outages,
    deaths,
    buried: state.buried && burialOf(state.buried),
  };
}
