/** A server with dead letters, for the commands that read and redrive them. */
import type { LetterServices } from '../../host/ops/letters/letter-services';
import { toHeaders } from '../../host/nats/headers';
import type { StoredLetter } from '../../host/broker/stored-letter';
import { configOf } from '../../host/testing/options';

interface StoredEvent {
  readonly time: Date;
  readonly data: Uint8Array;
  readonly headers?: Record<string, string>;
}

/** An error of the client, with the code that the server answers. */
export function apiError(errorCode: number, description = 'refused'): Error {
  return Object.assign(new Error(description), { api_error: { err_code: errorCode, description } });
}

export class LetterServer {
  /** The messages that were published, by subject. */
  readonly published = new Map<string, { payload: Uint8Array; header: (name: string) => string; expected: unknown }>();
  /** The events of other streams, as `STREAM sequence`. */
  readonly events = new Map<string, StoredEvent | Error>();
  /** The streams and durables, with what was requested of them. */
  readonly streams = new Map<string, object>();
  readonly durables = new Set<string>();
  readonly requests: string[] = [];
  readonly removed: number[] = [];
  /** Decides whether the server refuses a publish. */
  refuse: (subject: string) => Error | undefined = () => undefined;

  /** Called before letters are read with their payloads. */
  beforeRead: () => void = () => undefined;

  constructor(public letters: StoredLetter[]) {}

  get services(): LetterServices {
    const connection = {
      // The audit of the change, which these tests are not about.
      js: { publish: async () => ({}) },
      jsm: { streams: { getMessage: this.message.bind(this), add: this.add.bind(this) } },
      requests: { askApi: this.askApi.bind(this), publish: this.publish.bind(this) },
    };
    const letters = this.listed.bind(this);
    const stream = {
      list: letters,
      get: async (id: number) => this.letters.find((letter) => letter.id === id),
      getMany: async (ids: readonly number[]) => {
        this.beforeRead();
        return new Map(this.letters.flatMap((letter) => (ids.includes(letter.id) ? [[letter.id, letter]] : [])));
      },
      remove: async (id: number) => void this.removed.push(id),
    };
    return { stream, connection, config: configOf({}) } as unknown as LetterServices;
  }

  private async *listed(): AsyncGenerator<StoredLetter> {
    yield* this.letters;
  }

  private async publish(
    subject: string,
    payload: Uint8Array,
    { headers }: { headers: Record<string, string> },
  ): Promise<void> {
    const refusal = this.refuse(subject);
    if (refusal) throw refusal;
    const header = (name: string): string => headers[name] ?? '';
    this.published.set(subject, { payload, header, expected: Number(header('Nats-Expected-Last-Subject-Sequence')) });
  }

  private async message(stream: string, { seq }: { seq: number }): Promise<object> {
    const event = this.events.get(`${stream} ${seq}`) ?? Object.assign(new Error('no message found'), { code: '404' });
    if (event instanceof Error) throw event;
    return { seq, header: toHeaders({ headers: event.headers ?? {} }), data: event.data, time: event.time };
  }

  private async info(name: string): Promise<object> {
    const config = this.streams.get(name);
    if (!config) throw apiError(10059, 'stream not found');
    return { config, created: '2026-05-12T12:00:00.000Z', state: { messages: 0 } };
  }

  private async add(config: { name: string }): Promise<object> {
    this.requests.push(`create stream ${config.name}`);
    this.streams.set(config.name, config);
    return this.info(config.name);
  }

  private async askApi(subject: string, body?: { config: object }): Promise<object> {
    const [kind, action, stream, durable] = subject.split('.');
    if (kind === 'STREAM') return this.info(stream!);
    if (action === 'LIST') return { total: 0, offset: 0, limit: 256, consumers: [] };
    if (action === 'INFO' && !this.durables.has(durable!)) throw apiError(10014, 'consumer not found');
    if (action !== 'INFO') {
      this.requests.push(`create durable ${durable}`);
      this.durables.add(durable!);
    }
    const position = { consumer_seq: 0, stream_seq: 0 };
    return {
      num_pending: 0,
      num_ack_pending: 0,
      delivered: position,
      ack_floor: position,
      config: { ...body?.config },
    };
  }
}
