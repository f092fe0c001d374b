import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { clientCommands, type ClientCommand } from './client-commands';

/** When a trap acts: instead of passing the command on, just after that, or after the client has the answer. */
export type Moment = 'before' | 'after' | 'answered';

export interface Trap {
  readonly moment: Moment;
  matches(command: ClientCommand): boolean;
  /** Ends the process that is at the step. */
  spring(): void;
}

/** A proxy between clients and a NATS server that kills a process at a chosen step, recognised by a published message. */
export class StepProxy {
  private readonly sockets = new Set<Socket>();
  private armed: (Trap & { sprung(): void }) | undefined;

  private constructor(
    private readonly server: Server,
    private readonly upstreamPort: number,
  ) {
    server.on('connection', (client) => this.pass(client));
  }

  static async start(upstream: { readonly port: number }): Promise<StepProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new StepProxy(server, upstream.port);
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Sets the trap, in place of any other; resolves when it has sprung, once. */
  arm(trap: Trap): Promise<void> {
    return new Promise((sprung) => (this.armed = { ...trap, sprung }));
  }

  disarm(): void {
    this.armed = undefined;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(client: Socket): void {
    const upstream = connect({ port: this.upstreamPort, host: '127.0.0.1', noDelay: true });
    /** Where the answer is expected that the trap waits for. */
    let awaited: string | undefined;
    let caught = false;
    const spring = (): void => {
      caught = true;
      this.armed?.spring();
      this.armed?.sprung();
      this.armed = undefined;
    };
    const commandsOf = clientCommands();
    client.on('data', (chunk: Buffer) => {
      for (const command of commandsOf(chunk)) {
        // The process is dead: commands after the step are dropped.
        if (caught) return;
        const { armed } = this;
        if (awaited !== undefined || !armed?.matches(command)) upstream.write(command.bytes);
        else if (armed.moment === 'before') spring();
        else if (armed.moment === 'after') upstream.write(command.bytes, spring);
        else {
          awaited = command.reply;
          upstream.write(command.bytes);
        }
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      const isAnswer = awaited !== undefined && chunk.includes(` ${awaited} `);
      client.write(chunk, isAnswer && !caught ? spring : undefined);
    });
    this.keep(client, () => upstream.end());
    this.keep(upstream, () => client.destroy());
  }

  private keep(socket: Socket, closed: () => void): void {
    this.sockets.add(socket);
    // A killed process resets its connections; the close follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      closed();
    });
  }
}
