import { connect } from 'node:net';

/** What answers on an address. */
export type Answer =
  | {
      readonly kind: 'nats';
      readonly name: string;
      readonly version: string;
      readonly jetStream: boolean;
      readonly tlsRequired: boolean;
    }
  /** Something that is not a NATS server, or one that keeps silent: `said` tells what came. */
  | { readonly kind: 'not-nats'; readonly said: string; readonly silent: boolean }
  | { readonly kind: 'nothing'; readonly why: string };

/** A greeting is about 500 bytes; clusters name their servers in it. */
const MAX_GREETING_BYTES = 64 * 1024;

/** Asks an address what it is, by the greeting (`INFO {…}`) that a NATS server sends first of all. */
export function probe(host: string, port: number, timeoutMs = 2_000): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let connected = false;
    let came = '';
    const timer = setTimeout(() => {
      finish(connected ? notNats(came) : { kind: 'nothing', why: `no connection within ${timeoutMs} ms` });
    }, timeoutMs);

    socket.setEncoding('latin1');
    socket.on('connect', () => (connected = true));
    socket.on('data', (chunk: string) => {
      came += chunk;
      const end = came.indexOf('\r\n');
      if (end !== -1) finish(readGreeting(came.slice(0, end)));
      else if (came.length > MAX_GREETING_BYTES || !'INFO '.startsWith(came.slice(0, 5))) finish(notNats(came));
    });
    socket.on('end', () => finish(notNats(came)));
    socket.on('error', (error) => finish(connected ? notNats(came) : { kind: 'nothing', why: error.message }));

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

function notNats(came: string): Answer {
  const shown = came
    .slice(0, 60)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  const silent = came === '';
  return { kind: 'not-nats', silent, said: silent ? 'nothing, where a NATS server sends a greeting' : `“${shown}”` };
}
