/** A handler with everything that the processing of its messages depends on, in memory. */
import type { EventContext } from 'jetplug/sdk';
import type { TextStore } from '../../host/effects/text-store';
import { encodeCommit, type Departure, type Emit } from '../../host/records/commits/commit';
import type { PluginLog } from '../../host/records/commits/plugin-log';
import { CommitReads } from '../../host/records/commit-reads';
import type { Settlements } from '../../host/records/settlements';
import type { PluginCommits } from '../../host/message/plugin-commits';
import { attemptAfter, type Failures } from '../../host/message/failures/failures';
import { storedBurial, type AttemptRecord } from '../../host/message/failures/attempt-record';
import { KvAttemptLog, type AttemptLog } from '../../host/message/failures/attempts';
import { CircuitBreaker } from '../../host/message/failures/circuit-breaker';
import { HandlerCounters } from '../../host/message/counters';
import type { Delivery, MessageRef } from '../../host/broker/delivery';
import { headerIn, type RepeatedHeaders } from '../../host/broker/headers';
import type { Execution, RunRegistry } from '../../host/message/execution';
import type { Handler } from '../../host/message/handler';
import type {
  DeadLetter,
  DeadLetters,
  Outgoing,
  OutgoingEvent,
  DeferredEvent,
  RetryQueue,
} from '../../host/broker/ports';
import type { Envelope } from '../../sdk/internal';
import { utf8 } from '../../host/base/utf8';
import { machineTime } from '../../host/base/time';
import { MemoryKeyValue } from './memory-key-value';
import { openLog, storeOn } from './plugin-log';
import { MemoryCommitLog } from '../../host/testing/memory-commit-log';
import { RecordingLog } from '../../host/testing/recording-log';

export const STORED_AT = '2026-05-12T12:00:00.000Z';

export type Given = Partial<
  Pick<
    Delivery,
    'subject' | 'stream' | 'sequence' | 'storedAtMs' | 'deliveryCount' | 'consumerSequence' | 'origin' | 'past'
  >
> & {
  headers?: Record<string, string> | (() => Record<string, string>);
  repeated?: RepeatedHeaders;
};

/** Bytes as they are, text as UTF-8, all else as JSON. */
function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
}

/** A delivery that records how it is settled. A second settlement throws, as with a real delivery. */
export class FakeDelivery implements Delivery {
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly deliveryCount: number;
  readonly consumerSequence: number;
  readonly pending = 0;
  readonly origin: MessageRef;
  readonly past?: NonNullable<Delivery['past']>;
  readonly payload: Uint8Array;
  readonly answers: string[] = [];
  settled = false;
  workings = 0;

  constructor(
    payload: unknown = {},
    private readonly given: Given = {},
    private readonly journal: string[] = [],
  ) {
    this.payload = bytesOf(payload);
    this.subject = given.subject ?? 'video.watch_started';
    this.stream = given.stream ?? 'EVENTS';
    this.sequence = given.sequence ?? 7;
    this.storedAtMs = given.storedAtMs ?? Date.parse(STORED_AT);
    this.deliveryCount = given.deliveryCount ?? 1;
    this.consumerSequence = given.consumerSequence ?? this.sequence;
    const { stream, sequence, storedAtMs } = this;
    this.origin = given.origin ?? { stream, sequence, storedAtMs };
    if (given.past) this.past = given.past;
  }

  get size(): number {
    return this.payload.length;
  }

  text(): string {
    return utf8(this.payload);
  }

  header(lowerName: string): string | undefined {
    return headerIn(this.headers(), lowerName);
  }

  headers(): Record<string, string> {
    const { headers = {} } = this.given;
    return typeof headers === 'function' ? headers() : headers;
  }

  repeatedHeaders(): RepeatedHeaders | undefined {
    return this.given.repeated;
  }

  ack(): void {
    this.settle('ack');
  }
  nak(delayMs?: number): void {
    this.settle(delayMs === undefined ? 'nak' : `nak ${delayMs}`);
  }
  term(reason: string): void {
    this.settle(`term ${reason}`);
  }
  working(): void {
    this.workings++;
  }

  private settle(answer: string): void {
    if (this.settled) throw new Error('settled twice');
    this.settled = true;
    this.answers.push(answer);
    this.journal.push(answer);
  }
}

/** The sequences that a handler has settled, in memory; `journal` records the order of the calls. */
class FakeSettlements implements Pick<Settlements, keyof Settlements> {
  readonly durable = 'badge-award';
  readonly streamIncarnation = STORED_AT;
  readonly knowsPosition = false;
  readonly floor = 0;
  readonly last = 0;
  readonly isUnreadable = false;
  readonly commitReads = new CommitReads();
  claimedElsewhere = (): void => undefined;
  readonly settled = new Set<number>();
  revision = 0;

  constructor(private readonly journal: string[]) {}

  has(sequence: number): boolean {
    return this.settled.has(sequence);
  }
  isStored(sequence: number): boolean {
    return this.settled.has(sequence);
  }
  delivered(): void {
    throw new Error('not for a handler to call');
  }
  confirm(): boolean {
    throw new Error('not for a handler to call');
  }
  follow(): void {
    throw new Error('not for a handler to call');
  }
  settle(sequence: number): void {
    this.settled.add(sequence);
    this.journal.push(`settle ${sequence}`);
  }
  noteSettled(from: number, to: number): void {
    for (let sequence = from; sequence <= to; sequence++) this.settled.add(sequence);
    this.journal.push(from === to ? `commit ${from}` : `commit ${from}-${to}`);
  }
  store(): Promise<void> {
    return Promise.resolve();
  }
  forgetDeliveries(): void {
    throw new Error('not for a handler to call');
  }
  settleUpTo(): void {
    throw new Error('not for a handler to call');
  }
  recordStart(): Promise<void> {
    throw new Error('not for a handler to call');
  }
  ackFloor(): Promise<number> {
    throw new Error('not for a handler to call');
  }
  refresh(): Promise<void> {
    return Promise.resolve();
  }
  flush(): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** `Settlements` has private fields, so TypeScript accepts no other class in its place. */
  asSettlements(): Settlements {
    return this as unknown as Settlements;
  }
}

/** The failures on record for a handler's messages, which a test may read and set. */
class RecordedFailures {
  constructor(
    private readonly records: MemoryKeyValue,
    private readonly outages: { readonly count: number },
  ) {}

  get(sequence: number): Failures | undefined {
    return this.all().get(sequence);
  }
  get size(): number {
    return this.all().size;
  }
  keys(): Iterable<number> {
    return this.all().keys();
  }
  values(): Iterable<Failures> {
    return this.all().values();
  }

  set(sequence: number, { buried, ...failures }: Failures): void {
    const record: AttemptRecord = {
      ...failures,
      ...(buried && { buried: storedBurial(buried) }),
      storedAtMs: Date.parse(STORED_AT),
    };
    const value = JSON.stringify(record);
    this.records.entries.set(`${PREFIX}EVENTS.${sequence}`, { value, revision: 1_000_000 + sequence });
  }

  private all(): Map<number, Failures> {
    const found = new Map<number, Failures>();
    for (const [key, { value }] of this.records.entries) {
      if (!key.startsWith(PREFIX) || value === undefined) continue;
      const { buried: _stored, ...record } = JSON.parse(value) as AttemptRecord;
      const provisional = record.outages < this.outages.count ? 0 : record.provisional;
      found.set(Number(key.slice(key.lastIndexOf('.') + 1)), { ...record, provisional });
    }
    return found;
  }
}

const PREFIX = 'attempts.badge-award.';

type Step =
  | 'alone'
  | 'failures'
  | 'record'
  | 'started'
  | 'ended'
  | 'forget'
  | 'letter'
  | 'remove'
  | 'park'
  | 'send'
  | 'look'
  | 'bury'
  | 'died'
  | 'check'
  | 'commit';

/** The effects of a run in another host: the event that it has handled, its changes, and what it has published. */
interface CommitElsewhere {
  readonly sequence?: number;
  readonly writes?: Readonly<Record<string, string | null>>;
  readonly emits?: readonly Emit[];
  /** How the event has left its stream instead. The other host has not stored its letter or the deferred event yet. */
  readonly left?: Departure;
  /** Whether the other host has not done the event's after-commit work yet. */
  readonly hasWork?: boolean;
}

/** The commit log and the store of the handler's plugin, in memory. The log is opened at its first use. */
class BenchCommits implements PluginCommits {
  log: PluginLog | undefined;
  readonly stored = new MemoryCommitLog('badge');
  readonly bucket = new MemoryKeyValue();
  private opening: Promise<PluginLog> | undefined;
  private foreign = 0;

  /** @param append awaited before each append of a commit */
  constructor(
    private readonly settlements: FakeSettlements,
    private readonly recorded: RecordingLog,
    append: () => Promise<void>,
  ) {
    const appendNow = this.stored.append.bind(this.stored);
    this.stored.append = async (text, expected) => {
      await append();
      return appendNow(text, expected);
    };
  }

  async find(): Promise<PluginLog | undefined> {
    return (await this.stored.bounds()).last > 0 ? this.open() : this.log;
  }

  async refresh(): Promise<void> {
    await (await this.find())?.refresh();
  }

  open(): Promise<PluginLog> {
    return (this.opening ??= this.create());
  }

  /** Appends a commit of another host. It has not sent the events yet. */
  commitElsewhere({ sequence, writes = {}, emits = [], left, hasWork }: CommitElsewhere): void {
    const { durable, streamIncarnation: incarnation } = this.settlements;
    const run = {
      origin: { handler: 'award', timeMs: Date.now() },
      ...(sequence !== undefined && { event: { durable, incarnation, sequence } }),
      ...(left && { left }),
      ...(hasWork && { hasWork, reads: new Map() }),
      writes: new Map(Object.entries(writes)),
      emits,
    };
    this.stored.put(encodeCommit({ host: 'other', number: ++this.foreign, runs: [run], sent: [], adopted: new Map() }));
  }

  private async create(): Promise<PluginLog> {
    const log = await openLog(this.stored, this.bucket, { events: [this.settlements], log: this.recorded });
    return (this.log = log);
  }
}

/** Fakes of everything that a handler depends on; `journal` lists the steps in order. */
export class MessageBench {
  readonly journal: string[] = [];
  readonly letters: DeadLetter[] = [];
  readonly deferred: DeferredEvent[] = [];
  /** The published events that the streams have stored. */
  readonly sent: OutgoingEvent[] = [];
  /** The ids that the streams have forgotten, and would store a second time. */
  readonly forgotten = new Set<string>();
  readonly log = new RecordingLog();
  readonly settlements = new FakeSettlements(this.journal);
  /** The host's bucket. */
  readonly records = new MemoryKeyValue();
  readonly commits: BenchCommits;
  readonly outages = {
    count: 0,
    learn: (count: number): void => void (this.outages.count = Math.max(this.outages.count, count)),
  };
  /** The failures on record, by sequence. */
  readonly failures = new RecordedFailures(this.records, this.outages);
  readonly handler: Handler;
  /** The executions that can be interrupted. */
  readonly runs = new Set<Execution>();
  /** The error of each step that is to fail. */
  private readonly failing = new Map<Step, unknown>();

  constructor(
    invoke: (event: Envelope, context: EventContext) => unknown = () => undefined,
    over: Partial<Handler> = {},
  ) {
    const attempts = this.attempts();
    this.commits = new BenchCommits(this.settlements, this.log, () => this.step('commit'));
    this.handler = {
      plugin: 'badge',
      name: 'award',
      durable: 'badge-award',
      subject: 'video.*',
      version: 'abc123',
      where: { file: '/plugins/badge.plugin.ts', line: 12 },
      concurrency: 2,
      timeoutMs: 30_000,
      retry: { attempts: 3, backoffMs: [1_000, 5_000] },
      limits: { maxPayloadBytes: 524_288, maxDepth: 64 },
      invoke,
      settlements: this.settlements.asSettlements(),
      commits: this.commits,
      attempts,
      circuit: new CircuitBreaker(
        { messages: 3, overMs: 0, probeMs: [1_000, 2_000] },
        {
          opened: () => this.opened(),
          closed: () => this.journal.push('closed'),
          charged: (failed) => failed.forEach(({ message }) => void attempts.charge(message)),
        },
      ),
      deadLetters: this.deadLetters(),
      retryQueue: this.retryQueue(),
      outgoing: this.outgoing(),
      counters: new HandlerCounters(),
      log: this.log,
      time: machineTime,
      ...over,
    };
  }

  /** Opens a store of the handler's plugin. */
  store<T>(): TextStore<T> {
    const { commits } = this;
    return storeOn<T>(() => commits.open(), commits.bucket);
  }

  delivery(payload: unknown = {}, given: Given = {}): FakeDelivery {
    return new FakeDelivery(payload, given, this.journal);
  }

  /** Nothing else runs here. */
  readonly registry: RunRegistry = {
    add: (execution) => void this.runs.add(execution),
    remove: (execution) => void this.runs.delete(execution),
    isReleased: false,
    alone: async () => {
      await this.step('alone', 'alone');
      return () => void this.journal.push('no more alone');
    },
    beginCommit: () => undefined,
    endCommit: () => undefined,
    leaveHost: () => undefined,
    called: () => undefined,
    enterHost: () => undefined,
    whenFree: () => undefined,
  };

  fail(step: Step, error: unknown = new Error(`${step} failed`)): this {
    this.failing.set(step, error);
    return this;
  }

  mend(step: Step): void {
    this.failing.delete(step);
  }

  private async step(step: Step, line?: string): Promise<void> {
    await Promise.resolve();
    if (this.failing.has(step)) throw this.failing.get(step);
    if (line !== undefined) this.journal.push(line);
  }

  private attempts(): AttemptLog {
    const { records, outages } = this;
    const log = new KvAttemptLog(records, 'badge-award', outages, 'this process');
    return {
      read: async (message) => {
        await this.step('failures');
        return log.read(message);
      },
      bury: async (message, burial) => {
        await this.step('bury', `bury ${message.sequence} ${burial.reason}`);
        await log.bury(message, burial);
      },
      failed: async (message) => {
        const before = await log.read(message);
        await this.step('record', `record ${attemptAfter(before)}`);
        await log.failed(message);
      },
      died: async (message) => {
        await this.step('died', `died ${message.sequence}`);
        await log.died(message);
      },
      started: async (message) => {
        await this.step('started', `started ${message.sequence}`);
        await log.started(message);
      },
      ended: async (message) => {
        await this.step('ended', `ended ${message.sequence}`);
        await log.ended(message);
      },
      charge: async (message) => {
        await log.charge(message);
        this.journal.push(`charge ${message.sequence}`);
      },
      forget: async (message) => {
        await this.step('forget', 'forget');
        await log.forget(message);
      },
    };
  }

  private opened(): void {
    this.outages.count++;
    this.journal.push('opened');
  }

  private deadLetters(): DeadLetters {
    return {
      store: async (letter) => {
        await this.step('letter', `letter ${letter.headers['x-dead-letter-reason']}`);
        this.letters.push(letter);
      },
      remove: (id) => this.step('remove', `remove ${id}`),
    };
  }

  private retryQueue(): RetryQueue {
    return {
      defer: async (event) => {
        await this.step('park', `park ${event.pass}`);
        this.deferred.push(event);
      },
    };
  }

  private outgoing(): Outgoing {
    return {
      dropsRepeatsMs: 120_000,
      check: () => (this.failing.has('check') ? this.step('check') : undefined),
      send: async (event) => {
        await this.step('send', `send ${event.subject}`);
        const duplicate = !this.forgotten.has(event.id) && this.sent.some(({ id }) => id === event.id);
        if (!duplicate) this.sent.push(event);
        return { duplicate };
      },
      idsSince: async (subject) => {
        await this.step('look', `look ${subject}`);
        return new Set(this.sent.filter((event) => event.subject === subject).map(({ id }) => id));
      },
    };
  }
}
