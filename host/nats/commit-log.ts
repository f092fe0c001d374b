import { readBatch, type BatchMessage } from './batch-answers';
import type { Msg, StreamState } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import type { CommitLog, LogBounds, LoggedCommit } from '../records/commits/commit-log';
import { Conflict } from '../records/key-value';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, isFull, isNoResponders, isTooLarge } from './failures';
import { ensureManagedStream } from './managed-stream';
import type { StreamKeeper } from './stream-keeper';
import type { StreamDeploy } from './stream-comparison';
import { findStream } from './streams';
import { bucketPrefixOf } from './subjects';
import { logStream, logStreamName, logSubject, logTailSubject } from './wanted-streams';

/** The sections of the config that commit logs depend on. */
export type LogConfig = Pick<Config, 'store' | 'streams'> & { readonly deploy: StreamDeploy };

/** The limits of one batch. The server ends a batch behind the message that reaches the limit in bytes. */
const READ_BATCH = 1_000;
const READ_BYTES = 2 * 1024 * 1024;

/** All requests are repeated, so none waits for an answer that is unlikely. */
const ENDS = { endsWithConnection: true };

const DEFAULT_MAX_PAYLOAD = 1_048_576;
/**
 * The size of a commit's subject and headers at most, with the server's own bytes for a stored message. They count
 * against `max_payload` of the server and `max_bytes` of the stream.
 */
const MAX_HEADER_BYTES = 512;

/**
 * The distance between the last position that this host knows and the first position of a log that it creates after a
 * loss. Other hosts may know later positions.
 */
const LOST_GAP = 1_000_000;

/** A plugin's commit log in a stream of its own. The sequence of a message in the stream is the position of its commit. */
export class JetStreamLog implements CommitLog {
  private keeper: StreamKeeper | undefined;
  private readonly stream: string;
  private readonly subject: string;
  private readonly publishSubject: string;
  /** The last position that this host has seen. */
  private known = 0;

  private constructor(
    private readonly connection: Connection,
    private readonly plugin: string,
    /** The size limit of the log. */
    private readonly maxBytes = Infinity,
  ) {
    this.stream = logStreamName(plugin);
    this.subject = logSubject(plugin);
    this.publishSubject = bucketPrefixOf(connection.apiPrefix) + this.subject;
  }

  /**
   * Creates the log where it is missing, and updates one of this deployment to the config.
   * @param above a log that is created counts its positions from the next number
   * @throws JetplugError `JP_STREAM_FOREIGN` where the stream is not this deployment's
   */
  static async open(connection: Connection, plugin: string, config: LogConfig, above = 0): Promise<JetStreamLog> {
    await ensureManagedStream(connection, logStream(plugin, config, above), config.deploy);
    const { logMaxBytes } = config.store;
    const log = new JetStreamLog(connection, plugin, logMaxBytes > 0 ? logMaxBytes : Infinity);
    log.note(above);
    return log;
  }

  /** Finds the log; undefined if there is none. */
  static async find(connection: Connection, plugin: string): Promise<JetStreamLog | undefined> {
    return (await findStream(connection, logStreamName(plugin))) && new JetStreamLog(connection, plugin);
  }

  /**
   * Has the keeper create the log again when the server loses it, until the returned function is called. No position of
   * the lost log occurs again in the new one.
   */
  async addTo(keeper: StreamKeeper, config: LogConfig): Promise<() => void> {
    this.keeper = keeper;
    return keeper.add({
      name: this.stream,
      contents: `the commits of plugin ${this.plugin}`,
      create: () =>
        ensureManagedStream(this.connection, logStream(this.plugin, config, this.known + LOST_GAP), config.deploy),
    });
  }

  get maxCommitBytes(): number {
    const maxPayload = this.connection.nc.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
    // A larger commit would wait for ever for room.
    return Math.min(maxPayload, this.maxBytes) - MAX_HEADER_BYTES;
  }

  async append(text: string, expected: number): Promise<number> {
    const headers = { 'Nats-Expected-Last-Sequence': String(expected) };
    const { requests } = this.connection;
    const published = requests.publish(this.publishSubject, text, { headers, ...ENDS });
    return this.note(await this.ask(published.then(({ seq }) => assertFollows(seq, expected))));
  }

  async readAfter(after: number): Promise<readonly LoggedCommit[]> {
    const commits = await this.readBatch({ seq: after + 1, batch: READ_BATCH, max_bytes: READ_BYTES });
    // Any replica may answer the request for a batch, and a replica that is behind has no later commit. Only the
    // answer of the leader makes certain that there is none.
    const next = commits.length > 0 ? undefined : await this.readFromLeader(after + 1);
    const read = next ? [next] : commits;
    this.note(read.at(-1)?.position ?? 0);
    return read;
  }

  async bounds(): Promise<LogBounds> {
    const { requests } = this.connection;
    const { state, config } = await this.ask(requests.askApi<LogInfo>(`STREAM.INFO.${this.stream}`, undefined, ENDS));
    const last = this.note(state.last_seq);
    const isEmpty = state.messages === 0;
    return {
      first: isEmpty ? last + 1 : state.first_seq,
      last,
      ...(!isEmpty && { firstAtMs: Date.parse(state.first_ts) }),
      ...(last > 0 && { lastAtMs: Date.parse(state.last_ts) }),
      begins: config.first_seq ?? 1,
      mayBeBehind: (config.num_replicas ?? 1) > 1,
    };
  }

  async firstSince(epochMs: number): Promise<number | undefined> {
    return (await this.readBatch({ start_time: new Date(epochMs).toISOString(), batch: 1 }))[0]?.position;
  }

  follow(listener: (commit: LoggedCommit) => void, reconnected?: () => void): () => void {
    const subscription = this.connection.nc.subscribe(logTailSubject(this.plugin), {
      callback: (error, message) => {
        // The connection reports a missing permission. A throw here would end the client's read loop.
        if (error || message.headers?.last('Nats-Stream') !== this.stream) return;
        const commit = toCommit(message);
        this.note(commit.position);
        listener(commit);
      },
    });
    const unwatch = reconnected && this.connection.onReconnect(reconnected);
    return () => {
      subscription.unsubscribe();
      unwatch?.();
    };
  }

  async removeUpTo(position: number): Promise<void> {
    // A purge beyond the end would move the end.
    const upTo = Math.min(position, (await this.bounds()).last);
    if (upTo < 1) return;
    await this.ask(this.connection.requests.askApi(`STREAM.PURGE.${this.stream}`, { seq: upTo + 1 }));
  }

  /** Reads a batch from any replica. */
  private async readBatch(request: object): Promise<LoggedCommit[]> {
    return commitsOf(await this.ask(readBatch(this.connection, this.stream, request)));
  }

  /** Reads the first commit at this position or behind it from the leader of the stream. */
  private async readFromLeader(from: number): Promise<LoggedCommit | undefined> {
    const request = { seq: from, next_by_subj: this.subject };
    try {
      const { message } = await this.connection.requests.askApi<{ message: StoredCommit }>(
        `STREAM.MSG.GET.${this.stream}`,
        request,
        ENDS,
      );
      const text = Buffer.from(message.data ?? '', 'base64').toString();
      return { position: message.seq, text, storedAtMs: Date.parse(message.time) };
    } catch (error) {
      if (apiErrorCode(error) === API_ERROR.noMessage) return undefined;
      return this.fail(error);
    }
  }

  private note(position: number): number {
    this.known = Math.max(this.known, position);
    return position;
  }

  private ask<T>(request: Promise<T>): Promise<T> {
    return request.catch(this.fail);
  }

  private readonly fail = (error: unknown): never => {
    const log = `the commit log of plugin ${this.plugin}`;
    if (apiErrorCode(error) === API_ERROR.wrongLastSequence) throw new Conflict(log, { cause: error });
    if (isFull(error)) throw new JetplugError('JP_STORE_FULL', `${log} is full`, { cause: error });
    if (isTooLarge(error) || apiErrorCode(error) === API_ERROR.messageTooLarge) {
      const message = `${log}: the commit is larger than the server takes`;
      throw new JetplugError('JP_STORE_VALUE_INVALID', message, { cause: error });
    }
    if (isNoResponders(error) || apiErrorCode(error) === API_ERROR.streamNotFound) this.keeper?.checkSoon(this.stream);
    const why = error instanceof Error ? error.message : String(error);
    throw new JetplugError('JP_STORE_UNAVAILABLE', `${log} did not answer: ${why}`, { cause: error });
  };
}

interface StoredCommit {
  readonly seq: number;
  readonly data?: string;
  readonly time: string;
}

interface LogInfo {
  readonly state: Pick<StreamState, 'messages' | 'first_seq' | 'first_ts' | 'last_seq' | 'last_ts'>;
  readonly config: { readonly first_seq?: number; readonly num_replicas?: number };
}

/**
 * Checks an acknowledgement of an append. A commit that is stored elsewhere than behind the expected position was not
 * appended under that expectation, so the acknowledgement says nothing about it.
 */
function assertFollows(position: number, expected: number): number {
  if (position === expected + 1) return position;
  throw new Error(`the server acknowledges position ${position} for an append behind ${expected}`);
}

/** Returns the commits up to the first one that is missing, because it was removed while the server read the batch. */
function commitsOf(messages: readonly BatchMessage[]): LoggedCommit[] {
  const commits: LoggedCommit[] = [];
  for (const { sequence, message } of messages) {
    if (commits.length > 0 && sequence !== commits.at(-1)!.position + 1) break;
    const storedAtMs = Date.parse(message.headers!.last('Nats-Time-Stamp'));
    commits.push({ position: sequence, text: message.string(), storedAtMs });
  }
  return commits;
}

function toCommit(message: Msg): LoggedCommit {
  return { position: Number(message.headers?.last('Nats-Sequence')), text: message.string() };
}
