import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import type { TlsConfig } from '../config/config';
import type { Login } from './credentials';

const TIMEOUT_MS = 2_000;

/** The fields of the server's greeting that the login depends on. */
interface Greeting {
  readonly nonce?: string;
  readonly tls_required?: boolean;
  readonly tls_available?: boolean;
}

/**
 * Logs in as the client does, and returns the error that the server answers with, such as `maximum account active
 * connections exceeded`. The client drops the text of an error that ends its first connect. Undefined if the server
 * accepts the login, or closes the connection without an error.
 */
export function loginRefusal(
  host: string,
  port: number,
  tls: TlsConfig,
  login: Login | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const raw = connect({ host, port });
    const timer = setTimeout(finish, TIMEOUT_MS);
    if (tls.handshakeFirst) readGreeting(encrypted(), true);
    else readGreeting(raw, false);

    function readGreeting(socket: Socket, isEncrypted: boolean): void {
      readLines(socket, (line) => {
        if (!line.startsWith('INFO ')) return readAnswer(line);
        const greeting = greetingOf(line.slice('INFO '.length));
        socket.removeAllListeners('data');
        if (!greeting) return finish();
        if (isEncrypted || !(greeting.tls_required === true || greeting.tls_available === true)) {
          readLines(socket, readAnswer);
          socket.write(connectCommand(greeting, login));
          return;
        }
        const secured = encrypted();
        readLines(secured, readAnswer);
        secured.once('secureConnect', () => secured.write(connectCommand(greeting, login)));
      });
    }

    function readLines(socket: Socket, read: (line: string) => void): void {
      let rest = '';
      socket.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString('latin1')).split('\r\n');
        rest = lines.pop()!;
        lines.forEach(read);
      });
      // The client’s own error describes a broken connection; only an answer of the server adds to it.
      socket.on('error', () => finish()).on('close', () => finish());
    }

    function readAnswer(line: string): void {
      if (line === 'PONG') finish();
      else if (line.startsWith('-ERR ')) finish(line.slice('-ERR '.length).replace(/^'(.*)'$/, '$1'));
    }

    function encrypted(): Socket {
      const { caFile, certFile, keyFile } = tls;
      const files = { ca: contentsOf(caFile), cert: contentsOf(certFile), key: contentsOf(keyFile) };
      return connectTls({ socket: raw, ...(isIP(host) === 0 && { servername: host }), ...files });
    }

    function finish(text?: string): void {
      clearTimeout(timer);
      raw.destroy();
      resolve(text);
    }
  });
}

function greetingOf(json: string): Greeting | undefined {
  try {
    return JSON.parse(Buffer.from(json, 'latin1').toString('utf8')) as Greeting;
  } catch {
    return undefined; // It is not a NATS server.
  }
}

function connectCommand({ nonce }: Greeting, login: Login | undefined): string {
  const options = { verbose: false, pedantic: false, protocol: 1, ...login?.authenticator(nonce) };
  return `CONNECT ${JSON.stringify(options)}\r\nPING\r\n`;
}

/** Reads the file, if one is given. */
export function contentsOf(file: string | undefined): Buffer | undefined {
  return file === undefined ? undefined : readFileSync(file);
}
