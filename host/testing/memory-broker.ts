import { covers, isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Conflict } from '../records/key-value';
import type { DeadLetter, DeadLetters, Outgoing, DeferredEvent, RetryQueue } from '../broker/ports';
import type { StoredLetter } from '../broker/stored-letter';
import type { PluginBroker } from '../broker/plugin-broker';
import type { DurablePull, PullSink } from '../broker/pull';
import type { Time } from '../base/time';
import { MemoryBucket } from './memory-bucket';
import { MemoryCommitLog } from './memory-commit-log';
import { MemoryDurable } from './memory-durable';
import { MemoryPull } from './memory-pull';
import { MemoryStream, type Incoming } from './memory-stream';
import { RETRY_STREAM } from '../broker/stream-state';
import type { DurableSpec } from '../broker/durable';
import { retryMessage } from '../broker/retry-queue';
import { isLetterOf } from '../broker/letter-headers';

const DUPLICATE_WINDOW_MS = 120_000;
/** The server's default for `max_payload`. */
const MAX_PAYLOAD = 1_048_576;

/** Streams, durables and buckets in memory. */
export class MemoryBroker implements PluginBroker {
  private readonly streams = new Map<string, MemoryStream>();
  private readonly durables = new Map<string, MemoryDurable>();
  private readonly buckets = new Map<string, MemoryBucket>();
  private readonly logs = new Map<string, MemoryCommitLog>();

  constructor(
    private readonly config: Pick<Config, 'streams' | 'deadLetters'>,
    private readonly time: Time,
  ) {
    for (const stream of config.streams) this.streams.set(stream.name, new MemoryStream(stream, time));
    const own = { duplicateWindowMs: DUPLICATE_WINDOW_MS };
    const letters = { ...own, name: config.deadLetters.stream, subjects: ['dead.>'] };
    const retries = { ...own, name: RETRY_STREAM, subjects: ['retry.>'] };
    for (const stream of [letters, retries]) this.streams.set(stream.name, new MemoryStream(stream, time));
  }

  /** Whether any delivered message waits for its settlement. */
  get isInFlight(): boolean {
    for (const durable of this.durables.values()) if (durable.isInFlight) return true;
    return false;
  }

  bucket(name: string): MemoryBucket {
    const bucket = this.buckets.get(name) ?? new MemoryBucket(name);
    this.buckets.set(name, bucket);
    return bucket;
  }

  async ensureDurable(spec: DurableSpec) {
    const key = `${spec.stream} ${spec.durable}`;
    const durable = this.durables.get(key) ?? this.createDurable(spec);
    this.durables.set(key, durable);
    durable.update(spec);
    return durable.position;
  }

  /** Accepts every durable, because a durable in memory can take any settings. */
  checkDurable = async (): Promise<void> => undefined;

  async durablePosition(stream: string, durable: string) {
    return this.durables.get(`${stream} ${durable}`)?.position;
  }

  async durableCheckpoint({ stream, durable }: Pick<DurableSpec, 'stream' | 'durable'>) {
    return this.durables.get(`${stream} ${durable}`)?.checkpoint;
  }

  /** Makes the durable deliver again everything that is not settled. Only hosts beside others need it. */
  resetDurable({ stream, durable }: Pick<DurableSpec, 'stream' | 'durable'>): void {
    this.durables.get(`${stream} ${durable}`)?.reset();
  }

  async streamCreated(stream: string): Promise<string> {
    return this.streamNamed(stream).created;
  }

  /** Resolves at once, because a stream in memory is never lost and no check runs. */
  whenChecked = async (): Promise<void> => undefined;

  async hasDeferred({ subject }: Pick<DurableSpec, 'subject'>): Promise<boolean> {
    const messages = [...this.streamNamed(RETRY_STREAM).messages.values()];
    return messages.some((message) => covers(subject, message.subject));
  }

  /** In memory, looking for a bucket and a log costs nothing. */
  mayHaveStore = async (): Promise<boolean> => true;

  /** Never calls the watcher, because no other program changes the durables in memory. */
  watchDurable(): () => void {
    return () => undefined;
  }

  pull(stream: string, durable: string, sink: PullSink): DurablePull {
    return new MemoryPull(this.durables.get(`${stream} ${durable}`)!, sink);
  }

  async findStore(plugin: string): Promise<MemoryBucket | undefined> {
    return this.buckets.get(`jetplug-${plugin}`);
  }

  async openStore(plugin: string) {
    return { bucket: this.bucket(`jetplug-${plugin}`), leave: () => undefined };
  }

  async openLog(plugin: string, above?: number) {
    const log = this.logs.get(plugin) ?? new MemoryCommitLog(plugin, { above, nowMs: () => this.time.epochMs() });
    this.logs.set(plugin, log);
    return { log, leave: () => undefined };
  }

  async findLog(plugin: string): Promise<MemoryCommitLog | undefined> {
    return this.logs.get(plugin);
  }

  /**
   * Calls the listener for each event that is put into a handler's retry queue. Returns a function that ends the calls.
   */
  onDeferred(plugin: string, handler: string, listener: () => void): () => void {
    const { listeners } = this.streamNamed(RETRY_STREAM);
    const notify = ({ subject }: { subject: string }): void => {
      if (covers(`retry.${plugin}.${handler}.>`, subject)) listener();
    };
    listeners.add(notify);
    return () => void listeners.delete(notify);
  }

  /** Stores a message in the stream that holds its subject. */
  store(message: Incoming): { sequence: number; duplicate: boolean } {
    return this.holderOf(message.subject).append(message);
  }

  private holderOf(subject: string): MemoryStream {
    if (!isPublishSubject(subject)) {
      throw new JetplugError(
        'JP_SUBJECT_INVALID',
        `cannot publish on ${JSON.stringify(subject)}: it is not a valid subject`,
      );
    }
    for (const stream of this.streams.values()) if (stream.holds(subject)) return stream;
    throw new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${subject}`);
  }

  get outgoing(): Outgoing {
    return {
      dropsRepeatsMs: Math.min(...this.config.streams.map(({ duplicateWindowMs }) => duplicateWindowMs)),
      check: ({ subject, payload }) => {
        this.holderOf(subject);
        return assertSize(subject, payload);
      },
      send: async ({ id, subject, payload, headers }) => {
        const { duplicate } = this.store({ id, subject, payload: Buffer.from(payload), headers });
        return { duplicate };
      },
      idsSince: async (subject, sinceMs) => {
        const stream = [...this.streams.values()].find((each) => each.holds(subject));
        const messages = [...(stream?.messages.values() ?? [])];
        const sent = messages.filter((message) => message.subject === subject && message.storedAtMs >= sinceMs);
        return new Set(sent.map(({ headers }) => headers['Nats-Msg-Id'] ?? ''));
      },
    };
  }

  get retryQueue(): RetryQueue {
    return {
      defer: async (event: DeferredEvent) => {
        try {
          this.store({ ...retryMessage(event), payload: event.payload, expected: 0 });
        } catch (error) {
          // The event is stored already.
          if (!(error instanceof Conflict)) throw error;
        }
      },
    };
  }

  get deadLetters(): DeadLetters {
    return {
      store: async (letter) => this.storeLetter(letter),
      remove: async (id, of) => {
        const stream = this.streamNamed(this.config.deadLetters.stream);
        const letter = stream.messages.get(id);
        if (!letter || !isLetterOf(letter.headers, of)) return;
        stream.remove(id);
      },
    };
  }

  get letters(): StoredLetter[] {
    const { messages } = this.streamNamed(this.config.deadLetters.stream);
    return [...messages.values()].map(({ sequence, headers, repeated, payload }) => ({
      id: sequence,
      headers,
      repeated,
      payload,
    }));
  }

  /** Stores each letter once. The letter of a redriven event replaces its earlier one. */
  private storeLetter({ plugin, handler, stream, sequence, headers, repeated, payload, replaces }: DeadLetter): void {
    const letters = this.streamNamed(this.config.deadLetters.stream);
    if (stream === letters.name) return;
    const subject = `dead.${plugin}.${handler}.${stream}.${sequence}`;
    const present = letters.lastOn(subject);
    if (present && present.sequence !== replaces) return;
    if (present) letters.remove(present.sequence);
    letters.append({ subject, payload, headers, repeated });
  }

  private createDurable(spec: DurableSpec): MemoryDurable {
    const durable = new MemoryDurable(this.streamNamed(spec.stream), spec, this.time);
    durable.start();
    return durable;
  }

  private streamNamed(name: string): MemoryStream {
    return this.streams.get(name)!;
  }
}

function assertSize(subject: string, payload: string): undefined {
  if (Buffer.byteLength(payload) <= MAX_PAYLOAD) return undefined;
  const message = `${subject} was not stored: the event is larger than ${MAX_PAYLOAD} bytes`;
  throw new JetplugError('JP_PUBLISH_TOO_LARGE', message);
}
