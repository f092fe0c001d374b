/** The public exports for programs that publish outside of a host: `jetplug/client`. */
import type { EventBus, Publishable, PublishOptions } from '../sdk/index';
import type { EventContract } from '../sdk/internal';
import { JetStreamEventBus } from './effects/event-bus';
import { Connection } from './nats/connection';
import { Publisher } from './nats/publisher';
import { systemClock } from './base/time';

export type { Outbox, OutboxRow, Relay, RelayLog, RelayOptions, RowId } from './relay/outbox';
export { relay } from './relay/relay';

/** The servers and credentials of a publisher. */
export interface EventBusOptions {
  /** One or more servers. Default `nats://127.0.0.1:4222`. */
  servers?: string | readonly string[];
  /** The connection's name in the server's monitoring. Default `jetplug-publisher`. */
  name?: string;
  /** User name, with {@link password} or {@link passwordFile}. */
  user?: string;
  password?: string;
  /** A file with the password. This and the other files are read again at each connect. */
  passwordFile?: string;
  token?: string;
  /** A file with the token. */
  tokenFile?: string;
  /** A `.creds` file (JWT and seed). */
  credsFile?: string;
  /** A file with an nkey's seed. */
  nkeyFile?: string;
  /** TLS options. Servers may require TLS without them, too. */
  tls?: {
    /** The certificate of the authority that signed the servers' certificates. Default: the authorities that Node trusts. */
    caFile?: string;
    /** The program's own certificate, with `keyFile`. */
    certFile?: string;
    keyFile?: string;
    /** Whether the servers start with the TLS handshake, before their greeting. Default false. */
    handshakeFirst?: boolean;
  };
  /** The JetStream domain to use, for example behind a leaf node. Excludes {@link apiPrefix}. */
  domain?: string;
  /** The prefix of a JetStream API that another account exports. Default `$JS.API`. */
  apiPrefix?: string;
  /** The prefix of the inboxes that receive answers. Default `_INBOX`. */
  inboxPrefix?: string;
}

/** An {@link EventBus} with a connection of its own. */
export interface ConnectedEventBus extends EventBus {
  /** Waits for the publishes that have started, then closes the connection. */
  close(): Promise<void>;
}

/**
 * Connects an event bus for a program that is not a plugin.
 *
 * ```ts
 * const bus = await connectEventBus({ servers: 'nats://127.0.0.1:4222' });
 * await bus.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
 * await bus.close();
 * ```
 *
 * @throws JetplugError `JP_BROKER_UNREACHABLE`, `JP_BROKER_AUTH`, `JP_BROKER_TLS`, `JP_BROKER_NO_JETSTREAM`, `JP_BROKER_TOO_OLD`
 */
export async function connectEventBus(options: EventBusOptions = {}): Promise<ConnectedEventBus> {
  const { servers = 'nats://127.0.0.1:4222', name = 'jetplug-publisher', ...rest } = options;
  const { tls = {}, domain, apiPrefix, inboxPrefix, ...credentials } = rest;
  const connection = await Connection.open({
    servers: typeof servers === 'string' ? [servers] : servers,
    name,
    nats: { credentials, tls, ...defined({ domain, apiPrefix, inboxPrefix }) },
  });
  return new OwnConnectionBus(connection, Publisher.start(connection));
}

/** The options without undefined values. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

class OwnConnectionBus extends JetStreamEventBus implements ConnectedEventBus {
  private pending = 0;
  private whenIdle: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly connection: Connection,
    publisher: Publisher,
  ) {
    super(publisher, systemClock);
  }

  override async publish<E extends EventContract | string>(
    event: E,
    fields: Publishable<E>,
    options?: PublishOptions,
  ): Promise<string> {
    // `close` waits only for the publishes that were called before it.
    if (this.closing) return super.publish(event, fields, options);
    this.pending++;
    try {
      return await super.publish(event, fields, options);
    } finally {
      if (--this.pending === 0) this.whenIdle?.();
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeWhenIdle());
  }

  private async closeWhenIdle(): Promise<void> {
    if (this.pending > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    await this.connection.close();
  }
}
