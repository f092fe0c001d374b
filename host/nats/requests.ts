import {
  clientError,
  createInbox,
  jetStreamError,
  nuid,
  type ApiError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PubAck,
  type Subscription,
} from './client';
import type { NatsConfig } from '../config/config';
import { SequenceMap } from '../base/sequence-map';
import { apiPrefixOf } from './subjects';

/** The time that the server has for one answer. */
const TIMEOUT_MS = 5_000;
/** Requests of the JetStream API that only read. */
const READS = /^(STREAM|CONSUMER)\.(INFO|MSG\.GET)\./;
/**
 * The time after which a read without an answer is sent again. In a cluster that elects a leader nobody answers, and the
 * new leader does not get what was sent before.
 */
const REPEAT_MS = 1_500;

/** A message of a batch. */
export interface BatchMessage {
  readonly subject: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the request fails when the connection is lost, because an answer is unlikely then. Default false. */
  readonly endsWithConnection?: boolean;
  /** Whether the request is sent again while nobody answers. Default false. */
  readonly repeats?: boolean;
}

/**
 * A request mux: the answers to all requests arrive on one inbox, and one timer ends the unanswered ones. The client's
 * own `js.publish` makes a timer, a stack trace and several promises for each request.
 */
export class Requests {
  /** The unanswered requests by number. The number is the last token of the reply subject. */
  private readonly waiting = new SequenceMap<Waiting>();
  private subscription: Subscription | undefined;
  private prefix = '';
  private sent = 0;
  /** The smallest number that a waiting request can have. */
  private oldest = 0;
  private timer: NodeJS.Timeout | undefined;

  private readonly apiPrefix: string;
  private readonly inboxPrefix: string | undefined;
  /** Reads a stream's answer to a publish. */
  private readonly toPubAck: (answer: Msg) => PubAck | typeof MORE;

  constructor(
    private readonly nc: NatsConnection,
    nats: Partial<Pick<NatsConfig, 'domain' | 'apiPrefix' | 'inboxPrefix'>> = {},
  ) {
    this.apiPrefix = apiPrefixOf(nats);
    this.inboxPrefix = nats.inboxPrefix;
    const { domain } = nats;
    this.toPubAck = domain === undefined ? toPubAck : (answer) => pubAckOfDomain(answer, domain);
  }

  /** Publishes a message. Resolves when a stream has stored it. Rejects as the client's `js.publish` does. */
  publish(subject: string, payload: string | Uint8Array, options: AskOptions = {}): Promise<PubAck> {
    return this.ask(subject, payload, this.toPubAck, options);
  }

  /**
   * Publishes messages which their stream stores together, or not at all (ADR-50). Resolves with the answer to the last
   * one, when the stream has stored them; their sequences follow each other. Rejects as {@link publish} does. A server
   * before 2.12 would store each message that it receives.
   */
  publishBatch(messages: readonly BatchMessage[], options: Pick<AskOptions, 'endsWithConnection'>): Promise<PubAck> {
    if (this.nc.isDraining()) throw clientError('ConnectionDraining');
    const id = nuid.next();
    const last = messages.length - 1;
    for (const [i, { subject, payload, headers }] of messages.entries()) {
      const inBatch = { ...headers, 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(i + 1) };
      if (i < last) this.nc.publish(subject, payload, { headers: encoded(inBatch) });
      else return this.publish(subject, payload, { ...options, headers: { ...inBatch, 'Nats-Batch-Commit': '1' } });
    }
    throw new Error('a batch has no messages');
  }

  /** Sends a request to the JetStream API. Resolves with its answer. Rejects as the client's `jsm` does. */
  askApi<T extends object>(request: string, body?: object, options: AskOptions = {}): Promise<T> {
    const read = (answer: Msg): T => {
      const content = answer.json<T & { error?: ApiError }>();
      if (content.error) throw jetStreamError(content.error);
      return content;
    };
    const repeats = READS.test(request);
    return this.ask(`${this.apiPrefix}.${request}`, body ? JSON.stringify(body) : '', read, { ...options, repeats });
  }

  /**
   * Sends a request. Resolves with the result of `read` on the answer. If `read` returns {@link MORE}, it is called for
   * the next answer too. Rejects as the client's `request` does.
   */
  ask<T>(
    subject: string,
    payload: string | Uint8Array,
    read: (answer: Msg) => T | typeof MORE,
    { headers, endsWithConnection = false, repeats = false }: AskOptions = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // A connection that drains receives no more answers.
      if (this.nc.isDraining()) throw clientError('ConnectionDraining');
      this.subscription ??= this.subscribe();
      const number = this.sent++;
      const reply = `${this.prefix}${number}`;
      const send = (): void =>
        this.nc.publish(subject, payload, headers ? { reply, headers: encoded(headers) } : { reply });
      send();
      const repeating = repeats ? setInterval(send, REPEAT_MS).unref() : undefined;
      const sentAtMs = performance.now();
      const take = (answer: Msg): boolean => {
        const result = read(answer);
        if (result === MORE) return false;
        resolve(result);
        return true;
      };
      this.waiting.set(number, { subject, sentAtMs, endsWithConnection, repeating, take, reject });
      this.timer ??= setTimeout(() => this.endOverdue(), TIMEOUT_MS).unref();
    });
  }

  /**
   * Ends the requests for which `endsWithConnection` is set. Call it when the connection is lost and may come back, and
   * when it is back: the client drops what is sent in between.
   */
  lose(): void {
    this.end(new AnswerLost(), ({ endsWithConnection }) => endsWithConnection);
  }

  /** Ends all requests. Call it when the connection is closed for good. */
  close(): void {
    this.end(clientError('ConnectionClosed'));
    clearTimeout(this.timer);
  }

  /**
   * Rejects the request that the server has refused, if the refused message was one of these requests. Call it when the
   * server has refused a message.
   */
  refuse(refusal: unknown): void {
    const { operation, subject } = refusal as { operation?: string; subject?: string };
    if (operation !== 'publish') return;
    for (const [number, one] of this.oldestFirst()) {
      if (one.subject !== subject) continue;
      // The server reports each refused message by itself.
      this.forget(number);
      one.reject(clientError('PermissionsViolation', `Permissions Violation for Publish to "${subject}"`));
      return;
    }
  }

  private subscribe(): Subscription {
    this.prefix = `${createInbox(this.inboxPrefix)}.`;
    return this.nc.subscribe(`${this.prefix}*`, {
      // A throw here would end the client's read loop.
      callback: (error, answer) => {
        if (error) this.loseInbox(error);
        else this.take(answer);
      },
    });
  }

  /**
   * Rejects all waiting requests, because the server does not permit the inbox for their answers. The next request
   * subscribes to another inbox.
   */
  private loseInbox(error: Error): void {
    this.subscription = undefined;
    this.end(error);
  }

  private take(answer: Msg): void {
    const number = Number(answer.subject.slice(this.prefix.length));
    const waiting = this.waiting.get(number);
    if (!waiting) return;
    try {
      if (answer.data.length === 0 && answer.headers?.code === 503) {
        throw clientError('NoResponders');
      }
      if (!waiting.take(answer)) return;
    } catch (error) {
      waiting.reject(error as Error);
    }
    this.forget(number);
  }

  private end(error: Error, which: (one: Waiting) => boolean = () => true): void {
    for (const [number, one] of this.oldestFirst()) {
      if (!which(one)) continue;
      this.forget(number);
      one.reject(error);
    }
  }

  private forget(number: number): void {
    clearInterval(this.waiting.get(number)?.repeating);
    this.waiting.delete(number);
  }

  private *oldestFirst(): Generator<[number, Waiting]> {
    while (this.oldest < this.sent && !this.waiting.get(this.oldest)) this.oldest++;
    for (let number = this.oldest; number < this.sent; number++) {
      const one = this.waiting.get(number);
      if (one) yield [number, one];
    }
  }

  private endOverdue(): void {
    this.timer = undefined;
    const nowMs = performance.now();
    for (const [number, { sentAtMs, reject }] of this.oldestFirst()) {
      const leftMs = sentAtMs + TIMEOUT_MS - nowMs;
      if (leftMs > 0) {
        this.timer = setTimeout(() => this.endOverdue(), leftMs).unref();
        return;
      }
      this.forget(number);
      reject(clientError('Timeout'));
    }
  }
}

/** The error of a request whose connection was lost after the request had been sent. */
export class AnswerLost extends Error {
  override readonly name = 'AnswerLost';
  constructor() {
    super('the connection was lost before the answer arrived');
  }
}

interface Waiting {
  readonly subject: string;
  readonly sentAtMs: number;
  readonly endsWithConnection: boolean;
  /** Sends the request again. */
  readonly repeating: NodeJS.Timeout | undefined;
  /** Returns whether this was the last answer. */
  take(answer: Msg): boolean;
  reject(error: Error): void;
}

/** Returned by the reader of an answer while the answer that ends the request is still to come. */
export const MORE = Symbol('more');

/**
 * Encodes headers to publish. The client's own class takes ten times as long to build, and the client only calls
 * `encode`.
 */
function encoded(headers: Readonly<Record<string, string>>): MsgHdrs {
  let text = 'NATS/1.0\r\n';
  for (const name in headers) {
    const value = headers[name]!;
    if (LINE_BREAK.test(value)) throw clientError('BadHeader', `the header ${name} has a line break`);
    text += `${name}: ${value.trim()}\r\n`;
  }
  return { encode: () => Buffer.from(`${text}\r\n`) } as unknown as MsgHdrs;
}

const LINE_BREAK = /[\r\n]/;

/**
 * Reads a stream's answer to a publish, if it comes from the domain. On a leaf node with JetStream a stream of the node
 * may hold the same subjects. That stream answers first, and also while the configured domain is unreachable.
 */
function pubAckOfDomain(answer: Msg, domain: string): PubAck | typeof MORE {
  const { domain: stored = domain } = answer.json<{ domain?: string }>();
  if (stored !== domain) return MORE;
  return toPubAck(answer);
}

function toPubAck(answer: Msg): PubAck {
  const { error, stream, seq, duplicate = false } = answer.json<Partial<PubAck> & { error?: ApiError }>();
  if (error) throw jetStreamError(error);
  if (!stream || seq === undefined) throw clientError('JetStreamInvalidAck');
  return { stream, seq, duplicate };
}
