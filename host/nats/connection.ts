import { setTimeout as sleep } from 'node:timers/promises';
import {
  createInbox,
  Events,
  type JetStreamClient,
  type JetStreamManager,
  jetStreamManagerOf,
  jetStreamOf,
  type NatsConnection,
  sendCommands,
  serverText,
  type Status,
} from './client';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { SharedTimer } from '../base/shared-timer';
import { Requests } from './requests';
import { AckWriter } from './ack-writer';
import { connectOnce, patiently, type Connected, type ConnectOptions } from './connect';
import { apiErrorCode, asBrokerError, refusedLogin } from './failures';
import { refuseOldJetStream, refuseOldServer } from '../nats-server/oldest-server';
import { apiPrefixOf } from './subjects';

/** The events of a connection's life. */
export interface ConnectionEvents {
  disconnected(server: string): void;
  reconnected(server: string): void;
  /**
   * Called when the server has refused a message that expects no answer. Also called, with a JetplugError, when the
   * server has refused the login at a reconnect, once for each time that the connection is lost.
   */
  refused(error: unknown): void;
  /** Called when the connection is closed for good, by the host or by the client. */
  closed(error: unknown): void;
}

/** How often each pull checks for heartbeats: twice in each heartbeat interval. */
const PULL_WATCH_MS = 2_500;

/** How long a close may take to send the buffered messages. */
export const DRAIN_MS = 5_000;

/** A connection with JetStream. Once established, it reconnects without a time limit. */
export class Connection {
  readonly ackWriter: AckWriter;
  readonly requests: Requests;
  /** The running pulls, each of which checks for heartbeats. */
  readonly pulls = new SharedTimer<{ watch(): void }>(PULL_WATCH_MS, (pull) => pull.watch());
  /** The prefix of the JetStream API's subjects. */
  readonly apiPrefix: string;
  readonly js: JetStreamClient;
  readonly nc: NatsConnection;
  private readonly watchers = new Set<Partial<ConnectionEvents>>();
  private readonly inboxPrefix: string | undefined;
  private up = true;
  private lostAtMs = 0;
  private restored = 0;
  /**
   * The errors that were reported since the connection was last up. They are not reported again, because each reconnect
   * attempt would repeat them.
   */
  private readonly reported = new Set<string>();

  private constructor(
    private readonly client: Connected,
    readonly jsm: JetStreamManager,
    /** The level of the JetStream API: 2 for NATS 2.12, 4 for 2.14. */
    readonly apiLevel: number,
    private readonly options: ConnectOptions,
  ) {
    const { nc } = client;
    const { nats = {} } = options;
    this.nc = nc;
    this.apiPrefix = apiPrefixOf(nats);
    this.inboxPrefix = nats.inboxPrefix;
    this.js = jetStreamOf(nc, this.apiPrefix);
    // After a close the server redelivers unacknowledged messages, so acks of a closed connection are dropped.
    this.ackWriter = new AckWriter((commands) => {
      if (!nc.isClosed()) sendCommands(nc, commands);
    });
    this.requests = new Requests(nc, nats);
  }

  /**
   * Connects and checks that JetStream answers and is recent enough. Fails at once for a refused login or certificate.
   * Waits for an absent server, and for a JetStream without a leader, for up to `patienceMs`.
   * @throws JetplugError `JP_BROKER_*`
   */
  static open(options: ConnectOptions): Promise<Connection> {
    return patiently(options, () => Connection.openOnce(options));
  }

  private static async openOnce(options: ConnectOptions): Promise<Connection> {
    const { nats = {} } = options;
    let connection: Connection | undefined;
    const connected = await connectOnce(options, (error) => connection?.reportOnce(error));
    const { nc } = connected;
    try {
      refuseStranger(nc, options);
      refuseOldServer(nc.info?.version ?? '', nc.getServer());
      const jsm = await jetStreamManagerOf(nc, apiPrefixOf(nats));
      const { level } = (await jsm.getAccountInfo()).api as { level?: number };
      refuseOldJetStream(level, nc.getServer());
      connection = new Connection(connected, jsm, level ?? 0, options);
      connection.follow();
      return connection;
    } catch (error) {
      await nc.close();
      throw isJetplugError(error) ? error : noJetStream(error, options);
    }
  }

  get connected(): boolean {
    return this.up;
  }

  get server(): string {
    return this.nc.getServer();
  }

  get version(): string {
    return this.nc.info?.version ?? '';
  }

  /** How often the client has reconnected. */
  get reconnects(): number {
    return this.restored;
  }

  /** The bytes of the messages so far, as the client counts them. It does not count {@link ackWriter}. */
  get traffic(): { readonly receivedBytes: number; readonly sentBytes: number } {
    const { inBytes, outBytes } = this.nc.stats();
    return { receivedBytes: inBytes, sentBytes: outBytes };
  }

  /** Returns a new subject for replies to this connection. */
  newInbox(): string {
    return createInbox(this.inboxPrefix);
  }

  /** The time in milliseconds since the connection was lost; 0 while it is up. */
  get lostForMs(): number {
    return this.up ? 0 : performance.now() - this.lostAtMs;
  }

  /**
   * Calls the given functions at each event, in the order in which watchers were added. Returns a function that ends
   * the calls.
   */
  watch(events: Partial<ConnectionEvents>): () => void {
    this.watchers.add(events);
    return () => this.watchers.delete(events);
  }

  /** Calls the listener after each reconnect. Returns a function that ends the calls. */
  onReconnect(listener: () => void): () => void {
    return this.watch({ reconnected: listener });
  }

  /** Sends the buffered messages and closes. */
  async close(): Promise<void> {
    if (this.nc.isClosed()) return;
    this.ackWriter.flush();
    // A drain needs the server's answer, which never arrives on a lost or half-open connection.
    if (this.up) await Promise.race([this.nc.drain(), sleep(DRAIN_MS, undefined, { ref: false })]);
    await this.nc.close();
  }

  private follow(): void {
    this.watch({
      disconnected: () => this.requests.lose(),
      // In front of the watchers that send requests on the new connection.
      reconnected: () => this.requests.lose(),
      refused: (refusal) => this.requests.refuse(refusal),
      closed: () => this.requests.close(),
    });
    void (async () => {
      for await (const status of this.nc.status()) {
        // The client reports both again for each reconnect that the server refuses.
        if (status.type === Events.Disconnect && this.up) {
          this.lose();
          for (const { disconnected } of this.watchers) disconnected?.(this.server);
        } else if (status.type === Events.Reconnect && !this.up) {
          this.restore();
        } else if (status.type === Events.Error) {
          this.refuse(status);
        }
      }
    })().catch((error: unknown) => this.reportRefused(error));
    void this.nc.closed().then((error) => {
      this.lose();
      for (const { closed } of this.watchers) closed?.(error);
    });
  }

  private restore(): void {
    try {
      refuseStranger(this.nc, this.options);
    } catch (error) {
      this.reportOnce(isJetplugError(error) ? error : asBrokerError(error, `reconnecting to ${this.server}`));
      void this.nc.reconnect();
      return;
    }
    this.up = true;
    this.restored++;
    this.reported.clear();
    this.client.delay.connected();
    for (const { reconnected } of this.watchers) reconnected?.(this.server);
    try {
      // The client may have reconnected to another server of the cluster, which may be older.
      refuseOldServer(this.version, this.server);
    } catch (error) {
      this.reportRefused(error);
    }
  }

  private refuse({ permissionContext, data }: Status): void {
    const login = refusedLogin(data);
    if (permissionContext) return this.reportRefused(permissionContext);
    if (login === undefined) return this.reportRefused(typeof data === 'string' ? serverText(this.nc, data) : data);
    this.client.delay.refused();
    const described = this.client.login?.described;
    this.reportOnce(new JetplugError('JP_BROKER_AUTH', `${login}${described ? ` (${described})` : ''}`));
  }

  private reportOnce(error: JetplugError): void {
    // A refused login is reported once. Its text is no key, because the server words the refusal of an expired login
    // differently each time.
    const key = error.code === 'JP_BROKER_AUTH' && !error.cause ? error.code : error.message;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.reportRefused(error);
  }

  private lose(): void {
    if (this.up) this.lostAtMs = performance.now();
    this.up = false;
  }

  private reportRefused(error: unknown): void {
    for (const { refused } of this.watchers) refused?.(error);
  }
}

/** Refuses a foreign server on the address of the broker: the host must neither read from it nor write to it. */
function refuseStranger(nc: NatsConnection, { accepts = () => true }: ConnectOptions): void {
  if (accepts(nc.info?.server_name ?? '')) return;
  const address = nc.getServer();
  throw new JetplugError(
    'JP_BROKER_UNREACHABLE',
    `another NATS server answers on ${address}, where the broker of this host’s data folder was`,
    { hint: `Stop the server on ${address}; the host reconnects when its own broker runs again.` },
  );
}

/** Returns the error for a missing JetStream. It names the domain or API prefix of the config. */
function noJetStream(error: unknown, { servers, nats: { domain, apiPrefix } = {} }: ConnectOptions): JetplugError {
  const doing = `connecting to ${servers.join(', ')}`;
  const failure = asBrokerError(error, doing);
  const answered = apiErrorCode(error) !== undefined;
  if (failure.code !== 'JP_BROKER_NO_JETSTREAM' || answered || (domain ?? apiPrefix) === undefined) return failure;
  const [where, key] =
    domain === undefined ? [`under the prefix ${apiPrefix}`, 'apiPrefix'] : [`in the domain ${domain}`, 'domain'];
  return new JetplugError(failure.code, `${doing}: no JetStream answers ${where}`, {
    cause: error,
    hint: `Correct nats.${key}.`,
  });
}
