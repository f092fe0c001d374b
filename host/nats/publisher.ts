import { setTimeout as sleep } from 'node:timers/promises';
import { isPublishSubject, JetplugError } from '../../sdk/internal';
import { headerBytes, type AllHeaders } from '../broker/headers';
import type { Outgoing, OutgoingEvent } from '../broker/ports';
import { holderOf, type StreamState } from '../broker/stream-state';
import { Backlog } from './backlog';
import type { PubAck } from './client';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, isNoResponders, isTooLarge } from './failures';
import { toHeaders } from './headers';
import { MessageBatches } from './message-batches';
import { isAnswerLost, isInProcess, PublishAttempt } from './publish-attempt';
import { SentIds } from './sent-ids';

/** The time that the server has for one answer. */
const TIMEOUT_MS = 5_000;
/** The time for which a publish waits for the connection, and is sent again while its answer is lost. Then it fails. */
const PATIENCE_MS = 30_000;
/** The maximum number of publishes that wait for the connection at once. With 1 KiB each they take some 10 MiB. */
const MAX_WAITING = 10_000;
/**
 * The pause before an event is sent again to a stream that elects its leader, or that is still storing the event. Such a
 * stream answers at once.
 */
const NOT_READY_PAUSE_MS = 250;
/** The duplicate window that the server gives a stream that does not set one. */
const DEFAULT_DUPLICATE_WINDOW_MS = 120_000;
/** The largest number of subjects whose stream is remembered. */
const MAX_HOLDERS = 10_000;
/** The first line and the end of a message's headers. */
const HEADER_FRAME_BYTES = 12;

type Holder = Pick<StreamState, 'name' | 'takesBatches'>;

/** A stream of the server that is not in the config. */
const ANOTHER: Holder = { name: '' };

export interface PublisherOptions {
  /** The shortest duplicate window of the streams. Default: 2 min, the server's own default. */
  readonly dropsRepeatsMs?: number;
  /** The streams of the config. They hold their subjects also while they are missing. Default: none. */
  readonly streams?: readonly Pick<StreamState, 'name' | 'subjects' | 'takesBatches'>[];
  /** How long a publish waits for the connection. Default 30 s. */
  readonly patienceMs?: number;
  /** How many publishes may wait for the connection at once. Default 10,000. */
  readonly maxWaiting?: number;
}

/**
 * Publishes events and awaits the stream's answer. While the connection is lost, events wait, bounded in number and
 * time. An event whose answer was lost is sent again under its id, well within the stream's duplicate window, so that
 * the stream stores it once.
 */
export class Publisher implements Outgoing {
  readonly dropsRepeatsMs: number;
  private readonly backlog: Backlog;
  private readonly patienceMs: number;
  private readonly sentIds: SentIds;
  private readonly streams: NonNullable<PublisherOptions['streams']>;
  /** The stream that is known to hold a subject, by subject. */
  private readonly holders = new Map<string, Holder>();
  /** By stream. */
  private readonly batches = new Map<string, MessageBatches>();

  private constructor(
    private readonly connection: Connection,
    private readonly options: PublisherOptions,
  ) {
    this.dropsRepeatsMs = options.dropsRepeatsMs ?? DEFAULT_DUPLICATE_WINDOW_MS;
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.streams = options.streams ?? [];
    this.backlog = new Backlog(options.maxWaiting ?? MAX_WAITING);
    this.sentIds = new SentIds(connection);
  }

  /** Returns a publisher that follows the connection until the connection is closed. */
  static start(connection: Connection, options: PublisherOptions = {}): Publisher {
    const publisher = new Publisher(connection, options);
    connection.watch({
      reconnected: () => publisher.backlog.release(true),
      closed: () => publisher.backlog.release(false),
    });
    return publisher;
  }

  check(event: OutgoingEvent): Promise<void> | undefined {
    const { subject } = event;
    assertSubject(subject);
    const limit = this.connection.nc.info?.max_payload;
    if (limit !== undefined && isLarger(event, limit)) throw tooLarge(subject, largerThan(limit));
    return this.knownHolder(subject) ? undefined : this.findHolder(subject);
  }

  /** Resolves with the place of the event in its stream, too. */
  async send(event: OutgoingEvent): Promise<PubAck> {
    assertSubject(event.subject);
    const attempt = new PublishAttempt(event, performance.now());
    for (;;) {
      if (!this.connection.connected) await this.untilConnected(attempt);
      attempt.sent(performance.now());
      try {
        const ack = await this.publish(event);
        // After a repeat, the duplicate is the event of this call: its first answer was lost.
        return { ...ack, duplicate: ack.duplicate && attempt.times === 1 };
      } catch (cause) {
        await this.beforeRepeat(attempt, cause);
      }
    }
  }

  idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
    return this.sentIds.since(subject, sinceMs);
  }

  private publish({ id, subject, payload, headers: own }: OutgoingEvent): Promise<PubAck> {
    const headers = { ...own, 'Nats-Msg-Id': id };
    const holder = this.knownHolder(subject);
    if (holder?.takesBatches) return this.batchesOf(holder.name).publish({ subject, payload, headers });
    return this.connection.requests.publish(subject, payload, { headers, endsWithConnection: true });
  }

  /** Returns the stream that is known to hold the subject. */
  private knownHolder(subject: string): Holder | undefined {
    const known = this.holders.get(subject);
    if (known) return known;
    const stream = holderOf(this.streams, subject);
    return stream && this.noteHolder(subject, stream);
  }

  private noteHolder(subject: string, holder: Holder): Holder {
    if (this.holders.size >= MAX_HOLDERS) this.holders.clear();
    this.holders.set(subject, holder);
    return holder;
  }

  private batchesOf(stream: string): MessageBatches {
    let batches = this.batches.get(stream);
    if (!batches) this.batches.set(stream, (batches = new MessageBatches(this.connection.requests)));
    return batches;
  }

  /**
   * Waits until the connection is back.
   * @throws JetplugError `JP_PUBLISH_BACKLOG`, or `JP_PUBLISH_FAILED` when the time is up
   */
  private async untilConnected(attempt: PublishAttempt): Promise<void> {
    const { connection, backlog } = this;
    if (connection.nc.isClosed()) throw attempt.failure('the connection is closed');
    if (backlog.isFull) {
      throw new JetplugError(
        'JP_PUBLISH_BACKLOG',
        `${attempt.notStored}: the NATS server has been gone for ${seconds(connection.lostForMs)}, and ${this.options.maxWaiting ?? MAX_WAITING} events wait for it already`,
      );
    }
    if (await backlog.wait(this.untilMs(attempt))) return;
    if (connection.nc.isClosed()) throw attempt.failure('the connection was closed before the NATS server came back');
    const waited = seconds(performance.now() - attempt.startedAtMs);
    throw attempt.failure(
      `it waited ${waited} for the NATS server ${connection.server}, which has been gone for ${seconds(connection.lostForMs)}`,
    );
  }

  /**
   * Returns when the event may be sent again.
   * @throws JetplugError `JP_PUBLISH_FAILED`, `JP_PUBLISH_TOO_LARGE`, `JP_PUBLISH_NO_STREAM`
   */
  private async beforeRepeat(attempt: PublishAttempt, cause: unknown): Promise<void> {
    const { subject } = attempt.event;
    const unheard = isNoResponders(cause);
    if (unheard && !(await this.isHeld(subject))) {
      throw noStream(subject, cause);
    }
    if (isTooLarge(cause) || apiErrorCode(cause) === API_ERROR.messageTooLarge) {
      const limit = this.connection.nc.info?.max_payload;
      throw tooLarge(
        subject,
        isTooLarge(cause) && limit !== undefined ? largerThan(limit) : (cause as Error).message,
        cause,
      );
    }
    if (!unheard && !isAnswerLost(cause)) throw attempt.failure((cause as Error).message, cause);
    if (unheard || isInProcess(cause)) await sleep(NOT_READY_PAUSE_MS);
    if (performance.now() < this.untilMs(attempt)) return;
    const waited = seconds(performance.now() - attempt.startedAtMs);
    throw attempt.failure(
      unheard
        ? `for ${waited} no server answered for the stream that holds it`
        : `the NATS server ${this.connection.server} did not answer within ${waited}`,
      cause,
    );
  }

  /**
   * Returns the time until which the event may be sent again. The stream drops a repeat for certain only within its
   * duplicate window, which begins with the first message.
   */
  private untilMs({ startedAtMs, firstSentAtMs }: PublishAttempt): number {
    const repeatsUntilMs = (firstSentAtMs ?? Infinity) + this.dropsRepeatsMs / 2;
    return Math.min(startedAtMs + this.patienceMs, repeatsUntilMs);
  }

  /**
   * Asks the server which stream holds the subject. A missing answer proves nothing, so the event counts as one that can
   * be sent.
   */
  private async findHolder(subject: string): Promise<void> {
    const found = await this.connection.requests
      .askApi<{ streams?: readonly string[] | null }>('STREAM.NAMES', { subject })
      .catch(() => undefined);
    if (!found) return;
    if ((found.streams ?? []).length === 0) throw noStream(subject);
    this.noteHolder(subject, ANOTHER);
  }

  private async isHeld(subject: string): Promise<boolean> {
    if (holderOf(this.streams, subject)) return true;
    return this.connection.jsm.streams.find(subject).then(
      () => true,
      // A missing answer proves nothing. Any other failure most likely means that there is no such stream.
      (error: unknown) => isAnswerLost(error),
    );
  }
}

/** The client does not check the subject. A line break in the subject would inject a protocol command. */
function assertSubject(subject: string): void {
  if (isPublishSubject(subject)) return;
  throw new JetplugError(
    'JP_SUBJECT_INVALID',
    `cannot publish on ${JSON.stringify(subject)}: it is not a valid subject`,
  );
}

/** Whether the message of the event is larger than the limit. */
function isLarger({ id, payload, headers }: OutgoingEvent, limit: number): boolean {
  const around = headerBytes({ headers: { ...headers, 'Nats-Msg-Id': id } }) + HEADER_FRAME_BYTES;
  // A UTF-16 unit takes at most 3 bytes, so most payloads need not be counted.
  return payload.length * 3 + around > limit && Buffer.byteLength(payload) + around > limit;
}

function largerThan(limit: number): string {
  return `the event is larger than the server's max_payload of ${limit} bytes`;
}

function tooLarge(subject: string, why: string, cause?: unknown): JetplugError {
  return new JetplugError('JP_PUBLISH_TOO_LARGE', `${subject} was not stored: ${why}`, { cause });
}

function noStream(subject: string, cause?: unknown): JetplugError {
  return new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${subject}`, { cause });
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Publishes any bytes, as a program without the SDK would. */
export async function publishRaw(
  { js }: Connection,
  subject: string,
  payload: Uint8Array,
  headers: AllHeaders,
): Promise<void> {
  await js.publish(subject, payload, { headers: toHeaders(headers), timeout: TIMEOUT_MS });
}
