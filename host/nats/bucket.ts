import { setTimeout as sleep } from 'node:timers/promises';
import { keyValueOf, type Msg, type PubAck } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Conflict, type Entry, type KeyValue, type ReadOptions } from '../records/key-value';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, isFull, isNoResponders, isTooLarge } from './failures';
import { requiredStream } from './ensure-streams';
import { ensureManagedStream } from './managed-stream';
import { MessageBatches } from './message-batches';
import { SharedReads } from './shared-reads';
import type { StreamKeeper } from './stream-keeper';
import { findStream, holdsAny } from './streams';
import type { StreamDeploy } from './stream-comparison';
import { subjectCounts } from './subject-counts';
import { bucketPrefixOf } from './subjects';
import { bucketStream } from './wanted-streams';

/** The pause after which a value that was in process is stored, as a rule. */
const IN_PROCESS_PAUSE_MS = 10;
const OPERATION = 'KV-Operation';
const POSITION = 'x-jetplug-commit';
/** A key that always has a value once it was needed, for {@link SharedReads}. No key of a store has this name. */
const PRESENT_KEY = '=present';
/** Reads and writes fail when the connection is lost, so that their callers can repeat them when it is back. */
const ENDS = { endsWithConnection: true };

/** The sections of the config that buckets depend on. */
export type BucketConfig = Pick<Config, 'store' | 'streams'> & { readonly deploy: StreamDeploy };

/**
 * A key-value bucket, laid out as every NATS client lays it out (ADR-8), so that `nats kv get` can read it. The
 * client's own API cannot write a value with an expected revision and headers at once.
 */
export class Bucket implements KeyValue {
  renewals = 0;
  private keeper: StreamKeeper | undefined;
  private readonly publishPrefix: string;
  private readonly reads: SharedReads;
  private readonly batches: MessageBatches;
  private readonly lostListeners = new Set<() => void>();

  private constructor(
    private readonly connection: Connection,
    private readonly name: string,
  ) {
    const { apiPrefix, requests } = connection;
    this.publishPrefix = bucketPrefixOf(apiPrefix);
    this.batches = new MessageBatches(requests);
    this.reads = new SharedReads({
      requests,
      request: `${apiPrefix}.DIRECT.GET.KV_${name}`,
      present: this.subjectOf(PRESENT_KEY),
      storePresent: () => this.publish(PRESENT_KEY, '', {}, 0, 0),
    });
  }

  /**
   * Creates the bucket where it is missing, and updates one of this deployment to the config.
   * @throws JetplugError `JP_BUCKET_FOREIGN` where the bucket is not this deployment's
   */
  static async open(connection: Connection, name: string, config: BucketConfig): Promise<Bucket> {
    await ensureManagedStream(connection, bucketStream(name, config), config.deploy);
    return new Bucket(connection, name);
  }

  /** Returns the bucket without checking that it exists. Operations on a missing bucket fail. */
  static at(connection: Connection, name: string): Bucket {
    return new Bucket(connection, name);
  }

  /**
   * Has the keeper create the bucket again when the server loses it, until the returned function is called.
   * @param contents names the data of the bucket, for the log
   */
  async addTo(keeper: StreamKeeper, contents: string, config: BucketConfig): Promise<() => void> {
    this.keeper = keeper;
    const wanted = bucketStream(this.name, config);
    return keeper.add({
      ...requiredStream(this.connection, wanted, config.deploy, `${contents} (bucket ${this.name})`),
      lost: () => {
        this.renewals++;
        for (const listener of this.lostListeners) listener();
      },
    });
  }

  /** Finds the bucket; undefined if there is none. */
  static async find(connection: Connection, name: string): Promise<Bucket | undefined> {
    return (await findStream(connection, `KV_${name}`)) && new Bucket(connection, name);
  }

  get(key: string, { latest = false, asOf }: ReadOptions = {}): Promise<Entry | undefined> {
    if (latest) return this.getFromLeader(key);
    if (asOf !== undefined) return this.getFromAny(key, asOf);
    const subject = `${this.connection.apiPrefix}.DIRECT.GET.KV_${this.name}.${this.subjectOf(key)}`;
    return this.ask(this.connection.requests.ask(subject, '', toEntry, { ...ENDS, repeats: true }));
  }

  put(key: string, value: string, expected?: number, position?: number): Promise<number> {
    return this.write(key, value, {}, expected, position);
  }

  delete(key: string, expected?: number, position?: number): Promise<number> {
    return this.write(key, '', { [OPERATION]: 'DEL' }, expected, position);
  }

  async purge(key: string): Promise<void> {
    // The client's own purge leaves a message in the stream.
    const stream = `KV_${this.name}`;
    await this.ask(this.connection.jsm.streams.purge(stream, { filter: this.subjectOf(key) }));
  }

  /** Removes the earlier values of a key. The newest entry, which may be a removal, stays. */
  async purgeEarlier(key: string): Promise<void> {
    const { jsm } = this.connection;
    await this.ask(jsm.streams.purge(`KV_${this.name}`, { filter: this.subjectOf(key), keep: 1 }));
  }

  onForeignWrite(listener: (key: string) => void): () => void {
    const prefix = `${this.publishPrefix}${this.subjectOf('')}`;
    const subscription = this.connection.nc.subscribe(`${prefix}>`, {
      callback: (error, { subject, headers }) => {
        // The connection reports a missing permission. A throw here would end the client's read loop.
        if (!error && !headers?.has(POSITION)) listener(subject.slice(prefix.length));
      },
    });
    return () => subscription.unsubscribe();
  }

  onLost(listener: () => void): () => void {
    this.lostListeners.add(listener);
    return () => void this.lostListeners.delete(listener);
  }

  async keys(under?: string): Promise<string[]> {
    if (under !== undefined && !(await this.hasAny(under))) return [];
    const bucket = await this.ask(keyValueOf(this.connection.js, this.name));
    const keys: string[] = [];
    for await (const key of await this.ask(bucket.keys(under === undefined ? '>' : `${under}.>`))) keys.push(key);
    return keys.filter((key) => key !== PRESENT_KEY);
  }

  async entryKeys(): Promise<string[]> {
    const counted = await subjectCounts(this.connection, `KV_${this.name}`, Infinity);
    const subjects = counted.kind === 'counts' ? [...counted.counts.keys()] : [];
    return subjects.map((subject) => subject.slice(this.subjectOf('').length)).filter((key) => key !== PRESENT_KEY);
  }

  private async getFromAny(key: string, asOf: number): Promise<Entry | undefined> {
    try {
      const message = await this.reads.read(this.subjectOf(key), asOf);
      return message && toEntry(message);
    } catch (error) {
      // A bucket that is full does not take the value that the request needs. Only the leader knows what it has then.
      return isFull(error) ? this.getFromLeader(key) : this.fail(error);
    }
  }

  private async getFromLeader(key: string): Promise<Entry | undefined> {
    const request = { last_by_subj: this.subjectOf(key) };
    const { requests } = this.connection;
    try {
      const { message } = await requests.askApi<{ message: StoredValue }>(
        `STREAM.MSG.GET.KV_${this.name}`,
        request,
        ENDS,
      );
      const headers = text(message.hdrs);
      const value = headerIn(headers, OPERATION) ? undefined : text(message.data);
      const position = headerIn(headers, POSITION) || undefined;
      return { value, revision: message.seq, ...(position !== undefined && { position: Number(position) }) };
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.noMessage) return undefined;
      return this.fail(error);
    }
  }

  /** Whether a key below the name exists, or existed. Listing the keys would cost a consumer for each handler. */
  private hasAny(under: string): Promise<boolean> {
    return this.ask(holdsAny(this.connection, `KV_${this.name}`, this.subjectOf(`${under}.>`)));
  }

  private write(...message: Parameters<Bucket['publish']>): Promise<number> {
    return this.publish(...message).then(({ seq }) => seq, this.notWritten);
  }

  private publish(
    key: string,
    value: string,
    headers: Record<string, string>,
    expected?: number,
    position?: number,
  ): Promise<PubAck> {
    if (position !== undefined) headers[POSITION] = String(position);
    if (expected !== undefined) headers['Nats-Expected-Last-Subject-Sequence'] = String(expected);
    return this.batches.publish({ subject: `${this.publishPrefix}${this.subjectOf(key)}`, payload: value, headers });
  }

  private readonly notWritten = async (error: unknown): Promise<never> => {
    if (apiErrorCode(error) !== API_ERROR.subjectInProcess) return this.fail(error);
    // The replicas are still storing another value of the key. A read before that would find the earlier one.
    await sleep(IN_PROCESS_PAUSE_MS);
    throw new Conflict(this.name, { cause: error });
  };

  private ask<T>(request: Promise<T>): Promise<T> {
    return request.catch(this.fail);
  }

  private readonly fail = (error: unknown): never => {
    if (apiErrorCode(error) === API_ERROR.wrongLastSequence) throw new Conflict(this.name, { cause: error });
    if (isFull(error)) throw new JetplugError('JP_STORE_FULL', `the bucket ${this.name} is full`, { cause: error });
    if (isNoResponders(error) || apiErrorCode(error) === API_ERROR.streamNotFound)
      this.keeper?.checkSoon(`KV_${this.name}`);
    if (isTooLarge(error)) {
      const message = `${this.name}: the value is larger than the server takes`;
      throw new JetplugError('JP_STORE_VALUE_INVALID', message, { cause: error });
    }
    throw this.unavailable(error);
  };

  private unavailable(cause: unknown): JetplugError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new JetplugError('JP_STORE_UNAVAILABLE', `the bucket ${this.name} did not answer: ${why}`, { cause });
  }

  private subjectOf(key: string): string {
    return `$KV.${this.name}.${key}`;
  }
}

function toEntry(answer: Msg): Entry | undefined {
  const { headers } = answer;
  if (headers?.code === 404) return undefined;
  if (headers?.hasError) throw new Error(headers.status);
  const deleted = headers?.get(OPERATION);
  const position = headers?.get(POSITION) || undefined;
  return {
    value: deleted ? undefined : answer.string(),
    revision: Number(headers?.last('Nats-Sequence')),
    ...(position !== undefined && { position: Number(position) }),
  };
}

/** A message in an answer of the JetStream API, with header block and payload in Base64. */
interface StoredValue {
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
}

function text(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString();
}

/** Returns the value of a header; an empty text if the block does not have it. */
function headerIn(block: string, name: string): string {
  return new RegExp(`^${name}:(.*)$`, 'im').exec(block)?.[1]?.trim() ?? '';
}
