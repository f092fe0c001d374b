import { connect, type ConnectionOptions, type NatsConnection } from './client';
import { isJetplugError, type JetplugError } from '../../sdk/internal';
import type { NatsConfig } from '../config/config';
import { retryUntil } from '../base/retry-until';
import { loginOf, type Login } from './credentials';
import { diagnose } from './diagnose';
import { asBrokerError } from './failures';
import { ReconnectDelay } from './reconnect-delay';

/** The options of the config for reaching NATS and JetStream. */
export type NatsOptions = Partial<Pick<NatsConfig, 'credentials' | 'tls' | 'domain' | 'apiPrefix' | 'inboxPrefix'>>;

export interface ConnectOptions {
  readonly servers: readonly string[];
  readonly name: string;
  readonly nats?: NatsOptions;
  /** The time for which to try again while no server answers. 0 means one try. Default 0. */
  readonly patienceMs?: number;
  /** How often the client pings the server. After two unanswered pings it reconnects. Default 8 s. */
  readonly pingMs?: number;
  /**
   * Returns whether the server of this name is the right one. A connection to another server is closed at once and
   * tried again. Default: every server is accepted.
   */
  readonly accepts?: (serverName: string) => boolean;
  /** Called at the first failed try, and then every 5 s while tries fail. */
  readonly waiting?: (error: JetplugError) => void;
}

/** A connection of the client, and the parts that control how it reconnects. */
export interface Connected {
  readonly nc: NatsConnection;
  readonly login: Login | undefined;
  readonly delay: ReconnectDelay;
}

const RETRY_MS = 500;
const WAITING_EVERY_MS = 5_000;
/** Failures that may pass by themselves: a server starts, a cluster elects its leaders, another client disconnects. */
const MAY_PASS: ReadonlySet<string> = new Set(['JP_BROKER_UNREACHABLE', 'JP_BROKER_NO_QUORUM', 'JP_ACCOUNT_LIMIT']);

const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A half-open connection loses messages without an error: a router has dropped it, or the server hangs. Only pings
 * detect such a connection. With this interval the client reconnects within 16 to 24 s; with the client's default of
 * two minutes an outage would last four to six minutes. With a shorter interval a server that is busy with a large
 * snapshot would count as gone.
 */
const PING_MS = 8_000;
const MAX_PINGS_OUT = 2;

/**
 * Calls `once`, and again while the failure may pass and `patienceMs` is not over.
 * @param passing the codes of failures that may pass. Default: those of a connection
 */
export async function patiently<T>(
  { patienceMs = 0, waiting }: Pick<ConnectOptions, 'patienceMs' | 'waiting'>,
  once: () => Promise<T>,
  passing: ReadonlySet<string> = MAY_PASS,
): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  const connected = await retryUntil(once, {
    waitMs: RETRY_MS,
    mayPass: (error) => isJetplugError(error) && passing.has(error.code) && performance.now() < deadlineMs,
    failed: (error) => waiting?.(error as JetplugError),
    keyOf: (error) => (error as JetplugError).code,
    reportAgainMs: WAITING_EVERY_MS,
  });
  return connected as T; // There is no stop signal, so a try has succeeded.
}

/**
 * Connects to one of the servers, once.
 * @param unreadable called when a file with credentials cannot be read at a reconnect
 * @throws JetplugError `JP_BROKER_*`
 */
export async function connectOnce(
  options: ConnectOptions,
  unreadable: (error: JetplugError) => void,
): Promise<Connected> {
  const login = options.nats?.credentials && loginOf(options.nats.credentials, unreadable);
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
  return (await diagnose(servers, nats?.tls, login)) ?? unreachable(error, doing);
}

/** Whether the client's error is precise. It reports a connection that was closed without a reason as refused. */
function isClear(error: unknown): boolean {
  const { code, chainedError } = error as { code?: string; chainedError?: { code?: string } };
  if (code === 'CONNECTION_REFUSED') return chainedError?.code === 'ECONNREFUSED';
  return code !== undefined && code !== 'TIMEOUT';
}

function unreachable(cause: unknown, doing: string): JetplugError {
  const silent = Object.assign(new Error('no NATS server answers: the connection is closed or silent'), {
    code: 'CONNECTION_TIMEOUT',
    cause,
  });
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
    // Without this option, two refused logins in a row would close the connection, even with unlimited attempts.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => delay.ms,
    // Stack traces of requests would cost a third of the publishing rate.
    noAsyncTraces: true,
    ...(login && { authenticator: login.authenticator }),
    ...(nats?.inboxPrefix !== undefined && { inboxPrefix: nats.inboxPrefix }),
    // The client ignores the scheme tls://, and would connect in plain text to a server without TLS.
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
