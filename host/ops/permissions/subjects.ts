import type { Config } from '../../config/config';
import { createRequest } from '../../nats/new-durable';
import { apiPrefixOf, bucketPrefixOf } from '../../nats/subjects';
import type { HandlerScope } from './scope';

const INBOX_PREFIX = '_INBOX';

/** The subjects of the JetStream API, of buckets and of inboxes, under the prefixes of a config. */
export class Subjects {
  private readonly apiPrefix: string;
  /** The inboxes of the programs that have this config. */
  readonly inboxes: string;
  /** The inboxes of other programs, which use the default prefix. */
  readonly defaultInboxes = `${INBOX_PREFIX}.>`;

  constructor({ nats }: Config) {
    this.apiPrefix = apiPrefixOf(nats);
    this.inboxes = `${nats.inboxPrefix ?? INBOX_PREFIX}.>`;
  }

  /** The subjects of requests to the JetStream API. */
  api(...requests: readonly string[]): string[] {
    return requests.map((request) => `${this.apiPrefix}.${request}`);
  }

  /** The requests with which a program connects, and lists all streams and durables. */
  lists(): string[] {
    return this.api('INFO', 'STREAM.NAMES', 'STREAM.LIST', 'CONSUMER.LIST.*');
  }

  /** The requests of these kinds about a stream: `INFO` is `$JS.API.STREAM.INFO.<stream>`. */
  stream(stream: string, ...kinds: readonly string[]): string[] {
    return this.api(...kinds.map((kind) => `STREAM.${kind}.${stream}`));
  }

  /** The requests of these kinds about a durable: `PAUSE` is `$JS.API.CONSUMER.PAUSE.<stream>.<durable>`. */
  consumer({ stream, durable }: Pick<HandlerScope, 'stream' | 'durable'>, ...kinds: readonly string[]): string[] {
    return this.api(...kinds.map((kind) => `CONSUMER.${kind}.${stream}.${durable}`));
  }

  /** The requests that create or change a durable: for one subject, and for several after a change of the subject. */
  create({ stream, durable, subject }: Pick<HandlerScope, 'stream' | 'durable' | 'subject'>): string[] {
    return this.api(createRequest({ stream, durable, subject }), createRequest({ stream, durable }));
  }

  /** The acks of the messages of a durable. Newer servers put domain and account before the stream. */
  acks({ stream, durable }: Pick<HandlerScope, 'stream' | 'durable'>): string[] {
    return [`$JS.ACK.${stream}.${durable}.>`, `$JS.ACK.*.*.${stream}.${durable}.>`];
  }

  /** The request for messages of a stream from any replica. */
  direct(stream: string): string[] {
    return this.api(`DIRECT.GET.${stream}`);
  }

  /** The requests and answers of flow control by which the client lists the keys of the bucket under a stream. */
  keys(stream: string): string[] {
    return [...this.api(`CONSUMER.CREATE.${stream}`), `$JS.FC.${stream}.>`];
  }

  /** The subject of buckets on which a program publishes, and to which it subscribes, to reach that subject. */
  bucket(subject: string): string {
    return bucketPrefixOf(this.apiPrefix) + subject;
  }
}
