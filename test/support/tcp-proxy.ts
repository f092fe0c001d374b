import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A frame that a client sends: a command, with its payload where it has one. */
type FramePredicate = (command: string) => boolean;

/** Stands between a client and a server, and spoils the connection as networks do. */
export class TcpProxy {
  private readonly pairs = new Set<Pair>();
  private drops: FramePredicate | undefined;
  /** How many frames were dropped. */
  dropped = 0;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, targetPort);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /**
   * Drops all bytes of the present connections, in one direction (`up`: to the server) or both, so that they are half
   * open. New connections work.
   */
  swallow(direction: 'up' | 'down' | 'both' = 'both'): void {
    for (const { mute } of this.pairs) Object.assign(mute, { up: direction !== 'down', down: direction !== 'up' });
  }

  /** Drops the client's commands that the predicate chooses, such as `PUB $JS.API… 2`. */
  dropCommands(predicate: FramePredicate): void {
    this.drops = predicate;
  }

  /** Passes everything on again. Dropped bytes stay lost. */
  heal(): void {
    for (const { mute } of this.pairs) Object.assign(mute, { up: false, down: false });
    this.drops = undefined;
  }

  /** Closes all connections. New connections are accepted. */
  cut(): void {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(client: Socket): void {
    const server = connect(this.targetPort, '127.0.0.1');
    const pair: Pair = { client, server, mute: { up: false, down: false } };
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    // These tests stop the server, so a failed connection to it is expected.
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    const frames = new Frames();
    client.on('data', (bytes) => {
      for (const { command, whole } of frames.take(bytes)) {
        if (this.drops?.(command)) this.dropped++;
        else if (!pair.mute.up) server.write(whole);
      }
    });
    server.on('data', (bytes) => {
      if (!pair.mute.down) client.write(bytes);
    });
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly mute: { up: boolean; down: boolean };
}

/** Cuts what a client sends into its commands. */
class Frames {
  private rest = Buffer.alloc(0);

  *take(bytes: Buffer): Generator<{ command: string; whole: Buffer }> {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const end = this.rest.indexOf('\r\n');
      if (end < 0) return;
      const command = this.rest.toString('latin1', 0, end);
      const payload = /^H?PUB /.test(command) ? Number(command.split(' ').at(-1)) + 2 : 0;
      const length = end + 2 + payload;
      if (this.rest.length < length) return;
      const whole = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      yield { command, whole };
    }
  }
}
