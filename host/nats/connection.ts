import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connect,
  credsAuthenticator,
  Events,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type ConnectionOptions,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
} from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { NatsConfig } from '../config/config';
import { SharedTimer } from '../shared-timer';
import { AckInbox } from './ack-inbox';
import { Answers } from './answers';
import { sendCommands } from './client-internals';
import { asBrokerError } from './failures';
import { refuseOldJetStream, refuseOldServer } from './server-version';

/** What may be told of a connection's life; every line is for the log. */
export interface ConnectionEvents {
  disconnected(server: string): void;
  reconnected(server: string): void;
  /** The server refused something that was sent without waiting for an answer. */
  refused(error: unknown): void;
  /** It will not come back: closed by us, or given up. */
  closed(error: unknown): void;
}

export interface ConnectOptions {
  readonly servers: readonly string[];
  readonly name: string;
  readonly nats?: Pick<NatsConfig, 'credentials' | 'tls'>;
  /** How long to go on trying while no server answers. 0: one try. Default 0. */
  readonly patienceMs?: number;
  /** How often the server is pinged; two pings without an answer, and the connection is left. Default 8 s. */
  readonly pingMs?: number;
  /** Called before each further try. */
  readonly waiting?: (error: unknown) => void;
}

const RETRY_MS = 500;
const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A connection can be half open: what is sent gets lost, and nobody says so (a router forgot it, the
 * server stands still). Only pings show it. With these it is left within 16 to 24 s; the client's own
 * two minutes would be an outage of four to six. Shorter ones would take a server that is busy with a
 * large snapshot for one that is gone.
 */
const PING_MS = 8_000;
const MAX_PINGS_OUT = 2;
/** How often a pull looks whether the server still serves it: twice for each sign of life that it gives. */
const PULL_WATCH_MS = 2_500;

/** How long a connection that is to be closed may take to send what is buffered. */
const DRAIN_MS = 5_000;

/** A connection with JetStream. It reconnects for ever once it stood. */
export class Connection {
  readonly answers: Answers;
  /** Where the streams' answers come to. */
  readonly acks: AckInbox;
  /** Those that look whether they are still heard of. */
  readonly pulls = new SharedTimer<{ watch(): void }>(PULL_WATCH_MS, (pull) => pull.watch());
  private readonly watchers = new Set<Partial<ConnectionEvents>>();
  private up = true;
  private lostAtMs = 0;

  private constructor(
    readonly nc: NatsConnection,
    readonly js: JetStreamClient,
    readonly jsm: JetStreamManager,
  ) {
    // On a closed connection there is nobody to tell: the server delivers it again after its ack wait.
    this.answers = new Answers((commands) => {
      if (!nc.isClosed()) sendCommands(nc, commands);
    });
    this.acks = new AckInbox(nc);
    this.watch({
      disconnected: () => this.acks.lose(),
      refused: (refusal) => this.acks.refuse(refusal),
      closed: () => this.acks.close(),
    });
    this.follow();
  }

  /**
   * Connects and makes sure that JetStream is there. A refused password or certificate fails at
   * once; only an absent server is waited for.
   * @throws JetplugError `JP_BROKER_*`
   */
  static async open(options: ConnectOptions): Promise<Connection> {
    const nc = await connectPatiently(options);
    try {
      refuseOldServer(nc.info?.version ?? '', nc.getServer());
      const jsm = await nc.jetstreamManager({ checkAPI: false });
      const { api } = await jsm.getAccountInfo();
      refuseOldJetStream((api as { level?: number }).level, nc.getServer());
      return new Connection(nc, nc.jetstream(), jsm);
    } catch (error) {
      await nc.close();
      if (error instanceof JetplugError) throw error;
      throw asBrokerError(error, `connecting to ${options.servers.join(', ')}`);
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
    this.answers.flush();
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
          this.up = true;
          for (const { reconnected } of this.watchers) reconnected?.(this.server);
        } else if (status.type === Events.Error) {
          this.tellRefused(status.permissionContext ?? status.data);
        }
      }
    })().catch((error: unknown) => this.tellRefused(error));
    void this.nc.closed().then((error) => {
      this.lose();
      for (const { closed } of this.watchers) closed?.(error);
    });
  }

  private lose(): void {
    if (this.up) this.lostAtMs = performance.now();
    this.up = false;
  }

  private tellRefused(error: unknown): void {
    for (const { refused } of this.watchers) refused?.(error);
  }
}

async function connectPatiently(options: ConnectOptions): Promise<NatsConnection> {
  const deadline = performance.now() + (options.patienceMs ?? 0);
  for (;;) {
    try {
      return await connect(connectionOptions(options));
    } catch (error) {
      const failure = asBrokerError(error, `connecting to ${options.servers.join(', ')}`);
      if (failure.code !== 'JP_BROKER_UNREACHABLE' || performance.now() >= deadline) throw failure;
      options.waiting?.(failure);
      await sleep(RETRY_MS);
    }
  }
}

function connectionOptions({ servers, name, nats, pingMs = PING_MS }: ConnectOptions): ConnectionOptions {
  const authenticator = nats && authenticatorOf(nats.credentials);
  const tls = (nats && tlsOf(nats.tls)) ?? (servers.some((server) => server.startsWith('tls://')) ? {} : undefined);
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: pingMs,
    maxPingOut: MAX_PINGS_OUT,
    maxReconnectAttempts: -1,
    // Without it two refusals in a row close the connection, though attempts are unlimited.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    // A stack trace for each request costs a third of the publishing rate.
    noAsyncTraces: true,
    ...(authenticator && { authenticator }),
    // The client drops the scheme of tls://, and would then join a server that offers none in plain.
    ...(tls && { tls }),
  };
}

function authenticatorOf(credentials: NatsConfig['credentials']): Authenticator | undefined {
  const { user, password, token, credsFile, nkeyFile } = credentials;
  if (user !== undefined) return usernamePasswordAuthenticator(user, password);
  if (token !== undefined) return tokenAuthenticator(token);
  if (credsFile !== undefined) return credsAuthenticator(readFileSync(credsFile));
  if (nkeyFile !== undefined) return nkeyAuthenticator(new TextEncoder().encode(readFileSync(nkeyFile, 'utf8').trim()));
  return undefined;
}

function tlsOf({ caFile, certFile, keyFile }: NatsConfig['tls']): ConnectionOptions['tls'] | undefined {
  if (caFile === undefined && certFile === undefined) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}
