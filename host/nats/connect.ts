import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions, type NatsConnection } from './client';
import { isJetplugError, type JetplugError } from '../../sdk/internal';
import type { NatsConfig } from '../config/config';
import { LogThrottle } from '../base/log-throttle';
import { loginOf, type Login } from './credentials';
import { diagnose } from './diagnose';
import { asBrokerError } from './failures';
import { ReconnectDelay } from './reconnect-delay';

/** What the config says of reaching NATS and JetStream. */
export type NatsOptions = Partial<Pick<NatsConfig, 'credentials' | 'tls' | 'domain' | 'apiPrefix' | 'inboxPrefix'>>;

export interface ConnectOptions {
  readonly servers: readonly string[];
  readonly name: string;
  readonly nats?: NatsOptions;
  /** How long to go on trying while no server answers. 0: one try. Default 0. */
  readonly patienceMs?: number;
  /** How often the server is pinged; two pings without an answer, and the connection is left. Default 8 s. */
  readonly pingMs?: number;
  /**
   * Whether the server of this name is the one to work on. A connection to another one is left at once, and tried
   * again. Default: every server is.
   */
  readonly accepts?: (serverName: string) => boolean;
  /** Called at the first failed try, and every 5 s while the tries go on. */
  readonly waiting?: (error: JetplugError) => void;
}

/** A connection of the client, and what decides how it connects again. */
export interface Connected {
  readonly nc: NatsConnection;
  readonly login: Login | undefined;
  readonly delay: ReconnectDelay;
}

const RETRY_MS = 500;
const WAITING_EVERY_MS = 5_000;
/** Failures that may pass by themselves: a server starts, a cluster elects its leaders. */
const MAY_PASS: ReadonlySet<string> = new Set(['JP_BROKER_UNREACHABLE', 'JP_BROKER_NO_QUORUM']);

const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A connection can be half open: what is sent gets lost, and nobody says so (a router forgot it, the
 * server stands still). Only pings show it. With these it is left within 16 to 24 s; the client's own
 * two minutes would be an outage of four to six. Shorter ones would take a server that is busy with a
 * large snapshot for one that is gone.
 */
const PING_MS = 8_000;
const MAX_PINGS_OUT = 2;

/** Tries once, or again and again while the failure may pass and the patience lasts. */
export async function patiently<T>(
  { patienceMs = 0, waiting }: Pick<ConnectOptions, 'patienceMs' | 'waiting'>,
  once: () => Promise<T>,
): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  const reports = new LogThrottle(WAITING_EVERY_MS);
  for (;;) {
    try {
      return await once();
    } catch (error) {
      if (!isJetplugError(error) || !MAY_PASS.has(error.code) || performance.now() >= deadlineMs) throw error;
      if (reports.note(error.code) !== undefined) waiting?.(error);
    }
    await sleep(RETRY_MS);
  }
}

/**
 * Connects to one of the servers, once.
 * @param troubled called when a file with credentials cannot be read at a reconnect
 * @throws JetplugError `JP_BROKER_*`
 */
export async function connectOnce(
  options: ConnectOptions,
  troubled: (error: JetplugError) => void,
): Promise<Connected> {
  const login = options.nats?.credentials && loginOf(options.nats.credentials, troubled);
  const delay = new ReconnectDelay();
  try {
    return { nc: await connect(connectionOptions(options, login, delay)), login, delay };
  } catch (error) {
    throw await explain(error, options, login);
  }
}

async function explain(error: unknown, { servers, nats }: ConnectOptions, login?: Login): Promise<JetplugError> {
  const doing = `connecting to ${servers.join(', ')}`;
  const failure = asBrokerError(error, login ? `${doing} with ${login.described}` : doing);
  if (failure.code === 'JP_BROKER_AUTH') return failure;
  const known = asBrokerError(error, doing);
  if (isClear(error)) return known;
  return (await diagnose(servers, nats?.tls)) ?? unreachable(error, doing);
}

/** Whether the client's error says what has happened. It calls a connection refused that was closed without a word. */
function isClear(error: unknown): boolean {
  const { code, chainedError } = error as { code?: string; chainedError?: { code?: string } };
  if (code === 'CONNECTION_REFUSED') return chainedError?.code === 'ECONNREFUSED';
  return code !== undefined && code !== 'TIMEOUT';
}

function unreachable(cause: unknown, doing: string): JetplugError {
  const silent = Object.assign(
    new Error('no NATS server answers: the connection is closed, or nothing is said on it'),
    {
      code: 'CONNECTION_TIMEOUT',
      cause,
    },
  );
  return asBrokerError(silent, doing);
}

function connectionOptions(
  { servers, name, nats, pingMs = PING_MS }: ConnectOptions,
  login: Login | undefined,
  delay: ReconnectDelay,
): ConnectionOptions {
  const tls =
    (nats?.tls && tlsOf(nats.tls)) ?? (servers.some((server) => server.startsWith('tls://')) ? {} : undefined);
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: pingMs,
    maxPingOut: MAX_PINGS_OUT,
    maxReconnectAttempts: -1,
    // Without it two refusals in a row close the connection, though attempts are unlimited.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => delay.ms,
    // A stack trace for each request costs a third of the publishing rate.
    noAsyncTraces: true,
    ...(login && { authenticator: login.authenticator }),
    ...(nats?.inboxPrefix !== undefined && { inboxPrefix: nats.inboxPrefix }),
    // The client drops the scheme of tls://, and would then join a server that offers none in plain.
    ...(tls && { tls }),
  };
}

function tlsOf({ caFile, certFile, keyFile, handshakeFirst }: NatsConfig['tls']): ConnectionOptions['tls'] | undefined {
  if (caFile === undefined && certFile === undefined && !handshakeFirst) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(handshakeFirst ? { handshakeFirst } : {}),
  };
}
