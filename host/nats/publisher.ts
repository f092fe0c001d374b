import { setTimeout as sleep } from 'node:timers/promises';
import { AckPolicy, DeliverPolicy, headers as makeHeaders, nanos, type MsgHdrs, type PubAck } from 'nats';
import { isPublishSubject, JetplugError } from '../../sdk/internal';
import type { AllHeaders } from '../broker/headers';
import type { Outgoing, OutgoingEvent } from '../broker/ports';
import { AnswerLost } from './requests';
import { Backlog } from './backlog';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, isNoResponders } from './failures';

/** How long the server has for one answer. */
const TIMEOUT_MS = 5_000;
/** For so long a publish waits for the connection, and is sent again where its answer was lost; then it fails. */
const PATIENCE_MS = 30_000;
/** So many publishes may wait for the connection at once: with 1 KiB each they hold some 10 MiB. */
const MAX_WAITING = 10_000;
/** While a stream changes its leader nobody answers for it. */
const NO_LEADER_PAUSE_MS = 250;
/** What a server gives a stream that says nothing of it. */
const SERVERS_DUPLICATE_WINDOW_MS = 120_000;
/** What was read of a subject serves for so long: nobody else sends under the ids in question. */
const LOOKUP_FRESH_MS = 2_000;
/** For so long after it was last read it is kept, to be read on. */
const LOOKUP_KEPT_MS = 60_000;

export interface PublisherOptions {
  /** The shortest duplicate window of the streams; default 2 min, the server's own. */
  readonly dropsRepeatsMs?: number;
  /** Whether a stream holds the subject as far as the publisher's owner sees to it, also while it is gone. */
  readonly holds?: (subject: string) => boolean;
  /** How long a publish waits for the connection; default 30 s. */
  readonly patienceMs?: number;
  /** How many may wait for the connection at once; default 10,000. */
  readonly maxWaiting?: number;
}

/**
 * Publishes events and awaits the stream's word that it has them. While the connection is lost they
 * wait, bounded in number and time. One whose answer was lost is sent again under its id, well within
 * the stream's duplicate window, so that it is stored once.
 */
export class Publisher implements Outgoing {
  readonly dropsRepeatsMs: number;
  private readonly backlog: Backlog;
  private readonly patienceMs: number;
  private readonly lookups = new Map<string, Lookup>();

  constructor(
    private readonly connection: Connection,
    private readonly options: PublisherOptions = {},
  ) {
    this.dropsRepeatsMs = options.dropsRepeatsMs ?? SERVERS_DUPLICATE_WINDOW_MS;
    this.patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.backlog = new Backlog(options.maxWaiting ?? MAX_WAITING);
    connection.watch({
      reconnected: () => this.backlog.release(true),
      closed: () => this.backlog.release(false),
    });
  }

  async send(event: OutgoingEvent): Promise<{ duplicate: boolean }> {
    // The client does not check: a line break would smuggle in a command.
    if (!isPublishSubject(event.subject)) {
      throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(event.subject)}`);
    }
    const attempt = new Attempt(event, performance.now());
    for (;;) {
      if (!this.connection.connected) await this.untilConnected(attempt);
      attempt.sent(performance.now());
      try {
        const { duplicate } = await this.publish(event);
        // The first of several may have been stored, its answer lost: that is no one else's event.
        return { duplicate: duplicate && attempt.times === 1 };
      } catch (cause) {
        await this.beforeRepeat(attempt, cause);
      }
    }
  }

  /** Many messages ask at the same time, when a host comes back: they share what is read, and read on from there. */
  async idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
    const nowMs = performance.now();
    for (const [other, { atMs }] of this.lookups) if (nowMs - atMs >= LOOKUP_KEPT_MS) this.lookups.delete(other);
    let lookup = this.lookups.get(subject);
    if (!lookup || lookup.sinceMs > sinceMs) {
      lookup = new Lookup(this.connection, subject, sinceMs);
      this.lookups.set(subject, lookup);
    }
    try {
      return await lookup.ids(nowMs);
    } catch (cause) {
      this.lookups.delete(subject);
      throw new JetplugError('JP_PUBLISH_FAILED', `${subject} could not be searched for what was sent`, { cause });
    }
  }

  private publish({ id, subject, payload, headers }: OutgoingEvent): Promise<PubAck> {
    return this.connection.requests.publish(subject, payload, {
      headers: { ...headers, 'Nats-Msg-Id': id },
      endsWithConnection: true,
    });
  }

  /** @throws JetplugError `JP_PUBLISH_BACKLOG`, or `JP_PUBLISH_FAILED` when the time is up */
  private async untilConnected(attempt: Attempt): Promise<void> {
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

  /** Returns where the event may be sent again. @throws JetplugError `JP_PUBLISH_FAILED`, `JP_PUBLISH_TOO_LARGE`, `JP_PUBLISH_NO_STREAM` */
  private async beforeRepeat(attempt: Attempt, cause: unknown): Promise<void> {
    const { subject } = attempt.event;
    const nobody = isNoResponders(cause);
    if (nobody && !(await this.isHeld(subject))) {
      throw new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${subject}`, { cause });
    }
    if (isTooLarge(cause)) {
      throw new JetplugError('JP_PUBLISH_TOO_LARGE', `${subject} was not stored: ${(cause as Error).message}`, {
        cause,
      });
    }
    if (!nobody && !isAnswerLost(cause)) throw attempt.failure((cause as Error).message, cause);
    if (nobody) await sleep(NO_LEADER_PAUSE_MS);
    if (performance.now() < this.untilMs(attempt)) return;
    const waited = seconds(performance.now() - attempt.startedAtMs);
    throw attempt.failure(
      nobody
        ? `for ${waited} no server answered for the stream that holds it`
        : `the NATS server ${this.connection.server} did not answer within ${waited}`,
      cause,
    );
  }

  /** A repeat is dropped for sure only within the duplicate window, which began with the first sending. */
  private untilMs({ startedAtMs, firstSentAtMs }: Attempt): number {
    const repeatsUntilMs = (firstSentAtMs ?? Infinity) + this.dropsRepeatsMs / 2;
    return Math.min(startedAtMs + this.patienceMs, repeatsUntilMs);
  }

  private async isHeld(subject: string): Promise<boolean> {
    if (this.options.holds?.(subject)) return true;
    return this.connection.jsm.streams.find(subject).then(
      () => true,
      // No answer says nothing. Whoever may not ask is told what is most likely: that there is none.
      (error: unknown) => isAnswerLost(error),
    );
  }
}

/** One event on its way, however often it is sent. */
class Attempt {
  times = 0;
  firstSentAtMs: number | undefined;

  constructor(
    readonly event: OutgoingEvent,
    readonly startedAtMs: number,
  ) {}

  sent(nowMs: number): void {
    this.times++;
    this.firstSentAtMs ??= nowMs;
  }

  get notStored(): string {
    const { subject, id } = this.event;
    return this.times === 0
      ? `${subject} was not stored`
      : `${subject} may not be stored (its answer was lost; publish it again under its id ${id})`;
  }

  failure(why: string, cause?: unknown): JetplugError {
    const refused = cause !== undefined && !isAnswerLost(cause);
    const what = refused ? `${this.event.subject} was not stored` : this.notStored;
    return new JetplugError('JP_PUBLISH_FAILED', `${what}: ${why}`, { cause });
  }
}

/** Whether the server may have stored it all the same. */
function isAnswerLost(error: unknown): boolean {
  const { code } = error as { code?: string };
  return error instanceof AnswerLost || code === 'TIMEOUT' || code === 'DISCONNECT' || code === 'CONNECTION_CLOSED';
}

/** No repeat will help: it is the event's own fault. */
function isTooLarge(error: unknown): boolean {
  return (
    (error as { code?: string }).code === 'MAX_PAYLOAD_EXCEEDED' || apiErrorCode(error) === API_ERROR.messageTooLarge
  );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

const LOOKUP_BATCH = 1_000;
/** A consumer of which nobody hears any more is removed by the server. */
const LOOKUP_INACTIVE_MS = 10_000;

/** The ids of what was published on a subject since a time. */
class Lookup {
  atMs = -Infinity;
  private readonly found = new Set<string>();
  private readTo = 0;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: Connection,
    private readonly subject: string,
    readonly sinceMs: number,
  ) {}

  async ids(nowMs: number): Promise<ReadonlySet<string>> {
    if (nowMs - this.atMs >= LOOKUP_FRESH_MS) {
      this.atMs = nowMs;
      this.reading = this.reading.then(() => this.readOn());
    }
    await this.reading;
    return this.found;
  }

  private async readOn(): Promise<void> {
    const { js, jsm } = this.connection;
    const stream = await jsm.streams.find(this.subject);
    const from =
      this.readTo > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.readTo + 1 }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(this.sinceMs).toISOString() };
    const { name } = await jsm.consumers.add(stream, {
      ...from,
      ack_policy: AckPolicy.None,
      filter_subject: this.subject,
      headers_only: true,
      inactive_threshold: nanos(LOOKUP_INACTIVE_MS),
    });
    const consumer = await js.consumers.get(stream, name);
    for (let { num_pending: left } = await consumer.info(); left > 0;) {
      let came = false;
      for await (const message of await consumer.fetch({ max_messages: LOOKUP_BATCH, expires: TIMEOUT_MS })) {
        came = true;
        this.found.add(message.headers?.get('Nats-Msg-Id') ?? '');
        this.readTo = message.seq;
        left = message.info.pending;
        if (left === 0) break;
      }
      // A part is not the whole: what is not found would be sent again.
      if (!came) throw new Error(`${left} messages of ${this.subject} did not come`);
    }
    await consumer.delete();
  }
}

export function toHeaders({ headers, repeated }: AllHeaders): MsgHdrs {
  const made = makeHeaders();
  for (const name in headers) {
    const values = repeated && Object.hasOwn(repeated, name) ? repeated[name]! : [headers[name]!];
    for (const value of values) made.append(name, value);
  }
  return made;
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
