import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { eventually } from './eventually';

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A minimal client of the inspector protocol, over a WebSocket connection to a process of this machine. */
export class InspectorClient {
  /** All events so far. */
  readonly events: { readonly method: string; readonly params: Record<string, unknown> }[] = [];
  private readonly answers = new Map<number, (message: Message) => void>();
  private sent = 0;
  private rest = Buffer.alloc(0);

  private constructor(private readonly socket: Duplex) {}

  /** Attaches to the first target that the inspector at this port has. */
  static async attach(port: number): Promise<InspectorClient> {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
    const client = new InspectorClient(await upgraded(new URL(targets[0]!.webSocketDebuggerUrl)));
    client.socket.on('data', (bytes: Buffer) => client.receive(bytes));
    // The process ends while the client is attached.
    client.socket.on('error', () => undefined);
    return client;
  }

  async send<T = Record<string, unknown>>(method: string, params: object = {}): Promise<T> {
    const id = ++this.sent;
    const answer = new Promise<Message>((resolve) => this.answers.set(id, resolve));
    this.socket.write(maskedFrame(JSON.stringify({ id, method, params })));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** Waits for the event with this number, from 1, of a method. */
  async event(method: string, nth = 1): Promise<Record<string, unknown>> {
    const found = () => this.events.filter((event) => event.method === method)[nth - 1];
    await eventually(() => found() !== undefined, 20_000);
    return found()!.params;
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (let frame = frameOf(this.rest); frame; frame = frameOf(this.rest)) {
      this.rest = this.rest.subarray(frame.end);
      if (frame.isText) this.take(JSON.parse(frame.text) as Message);
    }
  }

  private take({ id, method, params = {}, ...answer }: Message): void {
    if (method !== undefined) this.events.push({ method, params });
    if (id !== undefined) this.answers.get(id)?.(answer);
  }
}

function upgraded({ hostname, port, pathname }: URL): Promise<Duplex> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Version': '13',
  };
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path: pathname, headers });
    asked.once('upgrade', (_, socket) => resolve(socket)).once('error', reject);
    asked.end();
  });
}

const TEXT = 0x81;
const MASKED = 0x80;

/** A client masks its frames; the mask of zeros changes nothing. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const size =
    payload.length < 126 ? [MASKED | payload.length] : [MASKED | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([TEXT, ...size, 0, 0, 0, 0]), payload]);
}

/** The first whole frame of a server; undefined if more bytes are needed. */
function frameOf(bytes: Buffer): { readonly isText: boolean; readonly text: string; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]!;
  const start = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < start) return undefined;
  const size = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  const end = start + size;
  if (bytes.length < end) return undefined;
  return { isText: bytes[0] === TEXT, text: bytes.toString('utf8', start, end), end };
}
