import {
  createInbox,
  ErrorCode,
  NatsError,
  type ApiError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PubAck,
  type Subscription,
} from 'nats';
import type { NatsConfig } from '../config/config';
import { SequenceMap } from '../base/sequence-map';
import { apiPrefixOf } from './subjects';

/** How long the server has for one answer. */
const TIMEOUT_MS = 5_000;

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Not to be waited for any longer when the connection is lost, as hardly an answer will come. */
  readonly endsWithConnection?: boolean;
}

/**
 * Requests whose answers come to one inbox, with one timer for all that do not come. The client's own
 * `js.publish` makes a timer, a stack trace and a handful of promises for each.
 */
export class Requests {
  /** By their number, which is the last token of the subject to be answered to. */
  private readonly waiting = new SequenceMap<Waiting>();
  private subscription: Subscription | undefined;
  private prefix = '';
  private asked = 0;
  /** Before this one none waits. */
  private oldest = 0;
  private timer: NodeJS.Timeout | undefined;

  private readonly apiPrefix: string;
  private readonly inboxPrefix: string | undefined;
  /** Reads what a stream answers to a publish. */
  private readonly toPubAck: (answer: Msg) => PubAck;

  constructor(
    private readonly nc: NatsConnection,
    nats: Partial<Pick<NatsConfig, 'domain' | 'apiPrefix' | 'inboxPrefix'>> = {},
  ) {
    this.apiPrefix = apiPrefixOf(nats);
    this.inboxPrefix = nats.inboxPrefix;
    const { domain } = nats;
    this.toPubAck = domain === undefined ? toPubAck : (answer) => pubAckOfDomain(answer, domain);
  }

  /** Resolves when a stream has stored the message. Rejects as the client's `js.publish` does. */
  publish(subject: string, payload: string | Uint8Array, options: AskOptions = {}): Promise<PubAck> {
    return this.ask(subject, payload, this.toPubAck, options);
  }

  /** Resolves with what the JetStream API answers. Rejects as the client's `jsm` does. */
  askApi<T extends object>(request: string, body?: object): Promise<T> {
    return this.ask(`${this.apiPrefix}.${request}`, body ? JSON.stringify(body) : '', (answer) => {
      const read = answer.json<T & { error?: ApiError }>();
      if (read.error) throw refused(read.error);
      return read;
    });
  }

  /** Resolves with what is read in the answer. Rejects as the client's `request` does. */
  ask<T>(
    subject: string,
    payload: string | Uint8Array,
    read: (answer: Msg) => T,
    { headers, endsWithConnection = false }: AskOptions = {},
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // What is drained takes no more answers in.
      if (this.nc.isDraining()) throw NatsError.errorForCode(ErrorCode.ConnectionDraining);
      this.subscription ??= this.subscribe();
      const number = this.asked++;
      const reply = `${this.prefix}${number}`;
      this.nc.publish(subject, payload, headers ? { reply, headers: toBeSent(headers) } : { reply });
      const sentAtMs = performance.now();
      const take = (answer: Msg): void => resolve(read(answer));
      this.waiting.set(number, { subject, sentAtMs, endsWithConnection, take, reject });
      this.timer ??= setTimeout(() => this.giveUp(), TIMEOUT_MS).unref();
    });
  }

  /** The connection is lost; it may come back. */
  lose(): void {
    this.end(new AnswerLost(), ({ endsWithConnection }) => endsWithConnection);
  }

  /** The connection will not come back. */
  close(): void {
    this.end(NatsError.errorForCode(ErrorCode.ConnectionClosed));
    clearTimeout(this.timer);
  }

  /** The server has refused something that was sent: perhaps what is waited for here. */
  refuse(refusal: unknown): void {
    const { operation, subject } = refusal as { operation?: string; subject?: string };
    if (operation !== 'publish') return;
    for (const [number, one] of this.oldestFirst()) {
      if (one.subject !== subject) continue;
      // The server refuses each by itself.
      this.waiting.delete(number);
      one.reject(new NatsError(`Permissions Violation for Publish to "${subject}"`, ErrorCode.PermissionsViolation));
      return;
    }
  }

  private subscribe(): Subscription {
    this.prefix = `${createInbox(this.inboxPrefix)}.`;
    return this.nc.subscribe(`${this.prefix}*`, {
      // A throw here would end all that the client reads.
      callback: (error, answer) => {
        if (error) this.loseInbox(error);
        else this.take(answer);
      },
    });
  }

  /** Not permitted: with the next request another one is tried. */
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
        throw NatsError.errorForCode(ErrorCode.NoResponders);
      }
      waiting.take(answer);
    } catch (error) {
      if (error === OTHER_DOMAIN) return;
      waiting.reject(error as Error);
    }
    this.waiting.delete(number);
  }

  private end(error: Error, which: (one: Waiting) => boolean = () => true): void {
    for (const [number, one] of this.oldestFirst()) {
      if (!which(one)) continue;
      this.waiting.delete(number);
      one.reject(error);
    }
  }

  private *oldestFirst(): Generator<[number, Waiting]> {
    while (this.oldest < this.asked && !this.waiting.get(this.oldest)) this.oldest++;
    for (let number = this.oldest; number < this.asked; number++) {
      const one = this.waiting.get(number);
      if (one) yield [number, one];
    }
  }

  private giveUp(): void {
    this.timer = undefined;
    const nowMs = performance.now();
    for (const [number, { sentAtMs, reject }] of this.oldestFirst()) {
      const leftMs = sentAtMs + TIMEOUT_MS - nowMs;
      if (leftMs > 0) {
        this.timer = setTimeout(() => this.giveUp(), leftMs).unref();
        return;
      }
      this.waiting.delete(number);
      reject(NatsError.errorForCode(ErrorCode.Timeout));
    }
  }
}

/** The connection was lost after the request had been sent. */
export class AnswerLost extends Error {
  override readonly name = 'AnswerLost';
  constructor() {
    super('the connection was lost before the answer came');
  }
}

interface Waiting {
  readonly subject: string;
  readonly sentAtMs: number;
  readonly endsWithConnection: boolean;
  take(answer: Msg): void;
  reject(error: Error): void;
}

/** What the client makes of an error that JetStream answers with. */
function refused(error: ApiError): NatsError {
  const failure = new NatsError(error.description, String(error.code));
  failure.api_error = error;
  return failure;
}

/** The client's own class takes ten times as long to build; of headers that are published it asks but for their bytes. */
function toBeSent(headers: Readonly<Record<string, string>>): MsgHdrs {
  let text = 'NATS/1.0\r\n';
  for (const name in headers) {
    const value = headers[name]!;
    if (LINE_BREAK.test(value)) throw new NatsError(`the header ${name} has a line break`, ErrorCode.BadHeader);
    text += `${name}: ${value.trim()}\r\n`;
  }
  return { encode: () => Buffer.from(`${text}\r\n`) } as unknown as MsgHdrs;
}

const LINE_BREAK = /[\r\n]/;

/** A stream of another domain has stored the message as well; the answer that counts is still to come. */
const OTHER_DOMAIN = new Error('this answer is of another JetStream domain');

/**
 * At a leaf node that has JetStream, too, a stream there may take the same subjects: it answers first, and
 * also while the configured domain is out of reach.
 */
function pubAckOfDomain(answer: Msg, domain: string): PubAck {
  const { domain: stored = domain } = answer.json<{ domain?: string }>();
  if (stored !== domain) throw OTHER_DOMAIN;
  return toPubAck(answer);
}

function toPubAck(answer: Msg): PubAck {
  const { error, stream, seq, duplicate = false } = answer.json<Partial<PubAck> & { error?: ApiError }>();
  if (error) throw refused(error);
  if (!stream || seq === undefined) throw NatsError.errorForCode(ErrorCode.JetStreamInvalidAck);
  return { stream, seq, duplicate };
}
