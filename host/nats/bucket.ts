import { DeliverPolicy, type Consumer, type Msg, type OrderedConsumerOptions } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { Conflict, type Entry, type KeyValue } from '../records/key-value';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError, isFull, isNoResponders } from './failures';
import type { StreamKeeper } from './stream-keeper';
import { ensureManagedStream } from './managed-stream';
import { holdsAny } from './streams';
import { bucketPrefixOf } from './subjects';
import { bucketStream } from './wanted-streams';

const OPERATION = 'KV-Operation';
const MARKS = 'x-jetplug-marks';
const TIMEOUT_MS = 5_000;
const SCAN_BATCH = 1_000;

/** What the config says of buckets, and whose they are. */
export type BucketConfig = Pick<Config, 'deploy' | 'store' | 'streams'>;

/**
 * A key-value bucket, laid out as every NATS client lays it out (ADR-8), so that `nats kv get` reads
 * it. Values are written with an expected revision, which the client's own API has no room to combine
 * with headers.
 */
export class Bucket implements KeyValue {
  renewals = 0;
  private kept: StreamKeeper | undefined;
  private readonly publishPrefix: string;

  private constructor(
    private readonly connection: Connection,
    private readonly name: string,
  ) {
    this.publishPrefix = bucketPrefixOf(connection.apiPrefix);
  }

  /**
   * Makes the bucket where it is missing, and brings one of this deployment to what the config says.
   * @throws JetplugError `JP_BUCKET_FOREIGN` where there is one that is not this deployment's
   */
  static async open(connection: Connection, name: string, config: BucketConfig): Promise<Bucket> {
    await ensureManagedStream(connection, bucketStream(name, config), config.deploy);
    return new Bucket(connection, name);
  }

  /** The bucket, which is not looked for: what is asked of one that is not there fails. */
  static at(connection: Connection, name: string): Bucket {
    return new Bucket(connection, name);
  }

  /** Has it made again where the server loses it; the result ends that. */
  async keep(kept: StreamKeeper, what: string, config: BucketConfig): Promise<() => void> {
    this.kept = kept;
    return kept.keep({
      name: `KV_${this.name}`,
      what: `${what} (bucket ${this.name})`,
      make: () => ensureManagedStream(this.connection, bucketStream(this.name, config), config.deploy),
      renewed: () => {
        this.renewals++;
      },
    });
  }

  /** The bucket, if it is there. */
  static async find(connection: Connection, name: string): Promise<Bucket | undefined> {
    try {
      await connection.jsm.streams.info(`KV_${name}`);
      return new Bucket(connection, name);
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.streamNotFound) return undefined;
      throw asBrokerError(error, `looking for the bucket ${name}`);
    }
  }

  get(key: string): Promise<Entry | undefined> {
    const subject = `${this.connection.apiPrefix}.DIRECT.GET.KV_${this.name}.${this.subjectOf(key)}`;
    return this.ask(this.connection.requests.ask(subject, '', toEntry));
  }

  put(key: string, value: string, expected?: number, marks?: string): Promise<number> {
    return this.write(key, value, {}, expected, marks);
  }

  delete(key: string, expected?: number, marks?: string): Promise<number> {
    return this.write(key, '', { [OPERATION]: 'DEL' }, expected, marks);
  }

  async purge(key: string): Promise<void> {
    // Not the client's own: that leaves a message which says so.
    const stream = `KV_${this.name}`;
    await this.ask(this.connection.jsm.streams.purge(stream, { filter: this.subjectOf(key) }));
  }

  async marked(): Promise<{ key: string; marks: string }[]> {
    const found: { key: string; marks: string }[] = [];
    const options = { deliver_policy: DeliverPolicy.LastPerSubject, headers_only: true };
    const consumer = await this.scan(options);
    if (!consumer) return found;
    for (let { num_pending: left } = await this.ask(consumer.info()); left > 0;) {
      let came = false;
      for await (const message of await consumer.fetch({ max_messages: SCAN_BATCH, expires: TIMEOUT_MS })) {
        came = true;
        const marks = message.headers?.get(MARKS);
        if (marks) found.push({ key: message.subject.slice(this.subjectOf('').length), marks });
        left = message.info.pending;
        if (left === 0) break;
      }
      if (!came) throw this.unavailable(new Error(`${left} keys did not come`));
    }
    return found;
  }

  async keys(under?: string): Promise<string[]> {
    if (under !== undefined && !(await this.hasAny(under))) return [];
    const bucket = await this.ask(this.connection.js.views.kv(this.name, { bindOnly: true }));
    const keys: string[] = [];
    for await (const key of await this.ask(bucket.keys(under === undefined ? '>' : `${under}.>`))) keys.push(key);
    return keys;
  }

  /** Nothing where there is no such bucket: a plugin that keeps nothing has none. */
  private async scan(options: Partial<OrderedConsumerOptions>): Promise<Consumer | undefined> {
    try {
      return await this.connection.js.consumers.get(`KV_${this.name}`, options);
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.streamNotFound) return undefined;
      throw this.unavailable(error);
    }
  }

  /** Whether there is, or was, a key below the name. To list them takes a consumer, which each handler would make for nothing. */
  private hasAny(under: string): Promise<boolean> {
    return this.ask(holdsAny(this.connection, `KV_${this.name}`, this.subjectOf(`${under}.>`)));
  }

  private write(
    key: string,
    value: string,
    headers: Record<string, string>,
    expected?: number,
    marks?: string,
  ): Promise<number> {
    if (marks !== undefined) headers[MARKS] = marks;
    if (expected !== undefined) headers['Nats-Expected-Last-Subject-Sequence'] = String(expected);
    const written = this.connection.requests.publish(`${this.publishPrefix}${this.subjectOf(key)}`, value, { headers });
    return written.then(({ seq }) => seq, this.fail);
  }

  private ask<T>(request: Promise<T>): Promise<T> {
    return request.catch(this.fail);
  }

  private readonly fail = (error: unknown): never => {
    if (apiErrorCode(error) === API_ERROR.wrongLastSequence) throw new Conflict(this.name, { cause: error });
    if (isFull(error)) throw new JetplugError('JP_STORE_FULL', `the bucket ${this.name} is full`, { cause: error });
    if (isNoResponders(error)) this.kept?.suspect(`KV_${this.name}`);
    if ((error as { code?: string }).code === 'MAX_PAYLOAD_EXCEEDED') {
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
  return {
    value: deleted ? undefined : answer.string(),
    revision: Number(headers?.get('Nats-Sequence')),
    marks: headers?.get(MARKS) ?? '',
  };
}
