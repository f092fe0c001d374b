import { connect as connectTls } from 'node:tls';
import { JetplugError } from '../../sdk/internal';
import type { TlsConfig } from '../config/config';
import { probe } from './embedded/probe';
import { CERTIFICATE_MISSING, HANDSHAKE_FIRST, type TlsFailure } from './tls-failures';

const GREETING_MS = 1_000;
const DEFAULT_PORT = 4222;

/**
 * Finds out why a server did not let the client in, where the client's own error does not say it: it reports
 * a connection that is closed, or silent, as one that is refused. Asks the servers one after the other.
 * @returns the first error that explains it, or undefined
 */
export async function diagnose(servers: readonly string[], tls: TlsConfig = {}): Promise<JetplugError | undefined> {
  for (const server of servers) {
    const { hostname, port } = new URL(server.includes('://') ? server : `nats://${server}`);
    // URLs have IPv6 addresses in brackets, sockets do not.
    const found = await examine(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port) || DEFAULT_PORT, tls);
    if (found) return found;
  }
  return undefined;
}

async function examine(host: string, port: number, tls: TlsConfig): Promise<JetplugError | undefined> {
  const where = `connecting to ${host}:${port}`;
  const answer = tls.handshakeFirst ? undefined : await probe(host, port, GREETING_MS);
  if (answer?.kind === 'nothing') return undefined;
  if (answer?.kind === 'nats') {
    return answer.tlsVerify && tls.certFile === undefined ? tlsError(where, CERTIFICATE_MISSING) : undefined;
  }
  if (answer && !answer.silent) return notNats(where, `it says ${answer.said}`);
  const reached = await reachByTls(host, port);
  if (reached === 'nats' && !tls.handshakeFirst) return tlsError(where, HANDSHAKE_FIRST);
  if (reached === 'not-nats') return notNats(where, 'it does not greet as one');
  return undefined;
}

/** Starts with the TLS handshake, trusting every certificate: nothing is sent, and the greeting is all that is read. */
function reachByTls(host: string, port: number): Promise<'nats' | 'not-nats' | 'nothing'> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const timer = setTimeout(() => finish('nothing'), GREETING_MS);
    socket.on('data', (bytes: Buffer) => finish(bytes.toString('latin1').startsWith('INFO ') ? 'nats' : 'not-nats'));
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
      if (code.endsWith('ALERT_CERTIFICATE_REQUIRED')) return finish('nats');
      // An answer that is no TLS is an answer.
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

function tlsError(where: string, { means, hint }: TlsFailure): JetplugError {
  return new JetplugError('JP_BROKER_TLS', `${where}: ${means}`, { hint });
}

function notNats(where: string, why: string): JetplugError {
  return new JetplugError('JP_BROKER_NOT_NATS', `${where}: this is not a NATS server: ${why}`, {
    hint: 'Correct the address in nats.servers or --servers. Clients connect to port 4222 by default, not to the port of monitoring or clustering.',
  });
}
