import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { JetplugError } from '../../sdk/internal';
import type { TlsConfig } from '../config/config';
import { probe } from '../nats-server/probe';
import type { Login } from './credentials';
import { asBrokerError, limitFailure } from './failures';
import { contentsOf, loginRefusal } from './login-refusal';
import { HANDSHAKE_FIRST } from './tls-failures';

const GREETING_MS = 1_000;
const DEFAULT_PORT = 4222;

/**
 * Finds out why a connect failed if the client's own error does not tell. The client reports a connection that is
 * closed or silent as refused. Examines the servers one after the other.
 * @returns the first error that explains the failure, or undefined
 */
export async function diagnose(
  servers: readonly string[],
  tls: TlsConfig = {},
  login?: Login,
): Promise<JetplugError | undefined> {
  for (const server of servers) {
    const { hostname, port } = new URL(server.includes('://') ? server : `nats://${server}`);
    // URLs have IPv6 addresses in brackets, sockets do not.
    const found = await examine(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port) || DEFAULT_PORT, tls, login);
    if (found) return found;
  }
  return undefined;
}

async function examine(
  host: string,
  port: number,
  tls: TlsConfig,
  login: Login | undefined,
): Promise<JetplugError | undefined> {
  const where = `connecting to ${host}:${port}`;
  const answer = tls.handshakeFirst ? undefined : await probe(host, port, GREETING_MS);
  if (answer?.kind === 'nothing') return undefined;
  if (answer?.kind === 'nats') {
    const refusal = answer.tlsRequired ? await examineTls(host, port, tls) : undefined;
    return refusal ?? (await examineLimits(host, port, tls, login));
  }
  if (answer && !answer.silent) return notNats(where, `it says ${answer.said}`);
  const reached = await reachByTls(host, port);
  if (reached === 'nats' && !tls.handshakeFirst) {
    return new JetplugError('JP_BROKER_TLS', `${where}: ${HANDSHAKE_FIRST.means}`, { hint: HANDSHAKE_FIRST.hint });
  }
  if (reached === 'not-nats') return notNats(where, 'it does not greet as one');
  return reached === 'nats' ? await examineLimits(host, port, tls, login) : undefined;
}

/** Finds out whether the server or the account has as many connections as it may have. */
async function examineLimits(
  host: string,
  port: number,
  tls: TlsConfig,
  login: Login | undefined,
): Promise<JetplugError | undefined> {
  const text = await loginRefusal(host, port, tls, login);
  if (limitFailure(text) === undefined) return undefined;
  return asBrokerError(new Error(text), `connecting to ${host}:${port}${login ? ` with ${login.described}` : ''}`);
}

/**
 * Finds out whether a server refuses the client's certificate. With TLS 1.3 it does so after the handshake, by an alert
 * that the client does not report.
 */
async function examineTls(host: string, port: number, tls: TlsConfig): Promise<JetplugError | undefined> {
  const code = await alertAfterGreeting(host, port, tls);
  return code === undefined
    ? undefined
    : asBrokerError(Object.assign(new Error(code), { code }), `connecting to ${host}:${port}`);
}

function alertAfterGreeting(host: string, port: number, { certFile, keyFile }: TlsConfig): Promise<string | undefined> {
  return new Promise((resolve) => {
    const raw = connect({ host, port });
    const timer = setTimeout(finish, GREETING_MS);
    const fail = ({ code }: NodeJS.ErrnoException): void => finish(code?.startsWith('ERR_SSL_') ? code : undefined);
    raw.on('error', fail).once('data', () => {
      const own = { cert: contentsOf(certFile), key: contentsOf(keyFile) };
      // No secret is sent, so the server's certificate is not verified.
      const socket = connectTls({ socket: raw, rejectUnauthorized: false, ...own });
      socket
        .on('error', fail)
        .on('close', () => finish())
        .resume();
    });

    function finish(code?: string): void {
      clearTimeout(timer);
      raw.destroy();
      resolve(code);
    }
  });
}

/**
 * Connects to a server that starts with the TLS handshake, and reads only the greeting. Trusts every certificate,
 * because it sends nothing.
 */
function reachByTls(host: string, port: number): Promise<'nats' | 'not-nats' | 'nothing'> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const timer = setTimeout(() => finish('nothing'), GREETING_MS);
    socket.on('data', (bytes: Buffer) => finish(bytes.toString('latin1').startsWith('INFO ') ? 'nats' : 'not-nats'));
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code.endsWith('ALERT_CERTIFICATE_REQUIRED')) return finish('nats');
      // An answer without TLS shows that something listens.
      finish(code.startsWith('ERR_SSL_') || code === 'EPROTO' ? 'not-nats' : 'nothing');
    });
    socket.on('close', () => finish('nothing'));

    function finish(found: 'nats' | 'not-nats' | 'nothing'): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    }
  });
}

function notNats(where: string, why: string): JetplugError {
  return new JetplugError('JP_BROKER_NOT_NATS', `${where}: this is not a NATS server: ${why}`, {
    hint: 'Correct the address in nats.servers or --servers. Clients connect to port 4222 by default, not to the port of monitoring or clustering.',
  });
}
