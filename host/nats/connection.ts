import { setTimeout as sleep } from 'node:timers/promises';
import {
  createInbox,
  Events,
  jetStreamManagerOf,
  jetStreamOf,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
  type Status,
} from './client';
import { isJetplugError, JetplugError } from '../../sdk/internal';
import { SharedTimer } from '../base/shared-timer';
import { Requests } from './requests';
import { AckWriter } from './ack-writer';
import { sendCommands, serverText } from './client-internals';
import { connectOnce, patiently, type Connected, type ConnectOptions } from './connect';
import { apiErrorCode, asBrokerError, refusedLogin } from './failures';
import { refuseOldJetStream, refuseOldServer } from '../nats-server/oldest-server';
import { apiPrefixOf } from './subjects';

/** What may be told of a connection's life; every line is for the log. */
export interface ConnectionEvents {
  disconnected(server: string): void;
  reconnected(server: string): void;
  /**
   * The server refused something that was sent without waiting for an answer; or, as a JetplugError, the login
   * at a reconnect, once for each time that the connection is lost.
   */
  refused(error: unknown): void;
  /** It will not come back: closed by us, or given up. */
  closed(error: unknown): void;
}

/** How often a pull looks whether the server still serves it: twice for each sign of life that it gives. */
const PULL_WATCH_MS = 2_500;

/** How long a connection that is to be closed may take to send what is buffered. */
const DRAIN_MS = 5_000;

/** A connection with JetStream. It reconnects for ever once it stood. */
export class Connection {
  readonly ackWriter: AckWriter;
  /** Where the streams' answers come to. */
  readonly requests: Requests;
  /** Those that look whether they are still heard of. */
  readonly pulls = new SharedTimer<{ watch(): void }>(PULL_WATCH_MS, (pull) => pull.watch());
  /** The prefix of the JetStream API's subjects. */
  readonly apiPrefix: string;
  readonly js: JetStreamClient;
  readonly nc: NatsConnection;
  private readonly watchers = new Set<Partial<ConnectionEvents>>();
  private readonly inboxPrefix: string | undefined;
  private up = true;
  private lostAtMs = 0;
  /** Reports since the connection was last up: each reconnect attempt would repeat them. */
  private readonly reported = new Set<string>();

  private constructor(
    private readonly client: Connected,
    readonly jsm: JetStreamManager,
    private readonly options: ConnectOptions,
  ) {
    const { nc } = client;
    const { nats = {} } = options;
    this.nc = nc;
    this.apiPrefix = apiPrefixOf(nats);
    this.inboxPrefix = nats.inboxPrefix;
    this.js = jetStreamOf(nc, this.apiPrefix);
    // On a closed connection there is nobody to tell: the server delivers it again after its ack wait.
    this.ackWriter = new AckWriter((commands) => {
      if (!nc.isClosed()) sendCommands(nc, commands);
    });
    this.requests = new Requests(nc, nats);
    this.watch({
      disconnected: () => this.requests.lose(),
      refused: (refusal) => this.requests.refuse(refusal),
      closed: () => this.requests.close(),
    });
    this.follow();
  }

  /**
   * Connects and makes sure that JetStream is there, in a version that serves. A refused password or certificate
   * fails at once; an absent server, and a JetStream without a leader, are waited for.
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
      const { api } = await jsm.getAccountInfo();
      refuseOldJetStream((api as { level?: number }).level, nc.getServer());
      return (connection = new Connection(connected, jsm, options));
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

  /** A subject for answers that nobody else listens to. */
  newInbox(): string {
    return createInbox(this.inboxPrefix);
  }

  /** Since when it is lost; 0 while it stands. */
  get lostForMs(): number {
    return this.up ? 0 : performance.now() - this.lostAtMs;
  }

  /** Tells of the connection's life until it is closed, in the order of the calls; the result ends that. */
  watch(events: Partial<ConnectionEvents>): () => void {
    this.watchers.add(events);
    return () => this.watchers.delete(events);
  }

  /** Calls back after each reconnect; the result ends that. */
  onReconnect(listener: () => void): () => void {
    return this.watch({ reconnected: listener });
  }

  /** Sends what is buffered and closes. */
  async close(): Promise<void> {
    if (this.nc.isClosed()) return;
    this.ackWriter.flush();
    // A drain needs the server; without one there is nothing to wait for, and a half-open connection never says so.
    if (this.up) await Promise.race([this.nc.drain(), sleep(DRAIN_MS, undefined, { ref: false })]);
    await this.nc.close();
  }

  private follow(): void {
    void (async () => {
      for await (const status of this.nc.status()) {
        // The client says both once more for each try that the server refuses.
        if (status.type === Events.Disconnect && this.up) {
          this.lose();
          for (const { disconnected } of this.watchers) disconnected?.(this.server);
        } else if (status.type === Events.Reconnect && !this.up) {
          this.regain();
        } else if (status.type === Events.Error) {
          this.refuse(status);
        }
      }
    })().catch((error: unknown) => this.tellRefused(error));
    void this.nc.closed().then((error) => {
      this.lose();
      for (const { closed } of this.watchers) closed?.(error);
    });
  }

  private regain(): void {
    try {
      refuseStranger(this.nc, this.options);
    } catch (error) {
      this.reportOnce(isJetplugError(error) ? error : asBrokerError(error, `reconnecting to ${this.server}`));
      void this.nc.reconnect();
      return;
    }
    this.up = true;
    this.reported.clear();
    this.client.delay.connected();
    for (const { reconnected } of this.watchers) reconnected?.(this.server);
    try {
      // Another server of the cluster may be older.
      refuseOldServer(this.version, this.server);
    } catch (error) {
      this.tellRefused(error);
    }
  }

  private refuse({ permissionContext, data }: Status): void {
    const login = refusedLogin(data);
    if (permissionContext) return this.tellRefused(permissionContext);
    if (login === undefined) return this.tellRefused(typeof data === 'string' ? serverText(this.nc, data) : data);
    this.client.delay.refused();
    const described = this.client.login?.described;
    this.reportOnce(new JetplugError('JP_BROKER_AUTH', `${login}${described ? ` (${described})` : ''}`));
  }

  private reportOnce(error: JetplugError): void {
    // One refusal of a login is enough: an expired one is refused in other words at the next try.
    const key = error.code === 'JP_BROKER_AUTH' && !error.cause ? error.code : error.message;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.tellRefused(error);
  }

  private lose(): void {
    if (this.up) this.lostAtMs = performance.now();
    this.up = false;
  }

  private tellRefused(error: unknown): void {
    for (const { refused } of this.watchers) refused?.(error);
  }
}

/** Refuses a server that has taken the address of the broker: nothing may be read from it or made on it. */
function refuseStranger(nc: NatsConnection, { accepts = () => true }: ConnectOptions): void {
  if (accepts(nc.info?.server_name ?? '')) return;
  const address = nc.getServer();
  throw new JetplugError(
    'JP_BROKER_UNREACHABLE',
    `another NATS server answers on ${address}, where the broker of this host’s data folder was`,
    { hint: `Stop the server on ${address}; the host reconnects when its own broker runs again.` },
  );
}

/** Says where JetStream was looked for in vain, if the config moves it. */
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
