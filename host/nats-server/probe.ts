import { connect } from 'node:net';

/** The program that answers on an address. */
export type Answer =
  | {
      readonly kind: 'nats';
      readonly name: string;
      readonly version: string;
      readonly jetStream: boolean;
      readonly tlsRequired: boolean;
    }
  /** The program is not a NATS server, or it is silent. `said`: the start of what it sent. */
  | { readonly kind: 'not-nats'; readonly said: string; readonly silent: boolean }
  | { readonly kind: 'nothing'; readonly why: string };

/** The maximum size of a greeting. A greeting has about 500 bytes; in a cluster more, because it lists the servers. */
const MAX_GREETING_BYTES = 64 * 1024;

/** Connects to an address and reads the greeting (`INFO {…}`) that a NATS server sends first. */
export function probe(host: string, port: number, timeoutMs = 2_000): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let connected = false;
    let received = '';
    const timer = setTimeout(() => {
      finish(connected ? notNats(received) : { kind: 'nothing', why: `no connection within ${timeoutMs} ms` });
    }, timeoutMs);

    socket.setEncoding('latin1');
    socket.on('connect', () => (connected = true));
    socket.on('data', (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\r\n');
      if (end !== -1) finish(readGreeting(received.slice(0, end)));
      else if (received.length > MAX_GREETING_BYTES || !'INFO '.startsWith(received.slice(0, 5)))
        finish(notNats(received));
    });
    socket.on('end', () => finish(notNats(received)));
    socket.on('error', (error) => finish(connected ? notNats(received) : { kind: 'nothing', why: error.message }));

    function finish(answer: Answer): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    }
  });
}

function readGreeting(line: string): Answer {
  if (!line.startsWith('INFO ')) return notNats(line);
  let info: unknown;
  try {
    info = JSON.parse(Buffer.from(line.slice(5), 'latin1').toString('utf8'));
  } catch {
    return notNats(line);
  }
  if (typeof info !== 'object' || info === null || !('version' in info)) return notNats(line);
  const { server_name, version, jetstream, tls_required } = info as Record<string, unknown>;
  return {
    kind: 'nats',
    name: typeof server_name === 'string' ? server_name : '',
    version: String(version),
    jetStream: jetstream === true,
    tlsRequired: tls_required === true,
  };
}

function notNats(received: string): Answer {
  const shown = received
    .slice(0, 60)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  const silent = received === '';
  return { kind: 'not-nats', silent, said: silent ? 'nothing, where a NATS server sends a greeting' : `“${shown}”` };
}
