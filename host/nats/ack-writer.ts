/** An acknowledgement of a delivery: ack, nak, term or working. */
export interface Ack {
  readonly replyTo: string;
  /** The rest of the PUB command, built by {@link commandRest}. */
  readonly rest: string;
  /** `lost`: the stream was created again, so the acknowledgement must not be sent. */
  readonly source: { readonly lost: boolean };
}

/** Returns the part of the protocol's PUB command after the subject. */
export function commandRest(payload: string): string {
  return ` ${Buffer.byteLength(payload)}\r\n${payload}\r\n`;
}

/**
 * The number of waiting acknowledgements at which they are sent before the turn ends, because a turn may read many
 * chunks from the socket.
 */
const MAX_WAITING = 128;

/**
 * Sends the acknowledgements of a connection in order. All acknowledgements of one turn of the event loop leave in few
 * writes, because each one that is sent by itself costs a write to the socket.
 */
export class AckWriter {
  private waiting: Ack[] = [];

  /** @param send sends protocol commands */
  constructor(private readonly send: (commands: string) => void) {}

  add(ack: Ack): void {
    const count = this.waiting.push(ack);
    if (count === 1) setImmediate(() => this.flush());
    else if (count >= MAX_WAITING) this.flush();
  }

  /** Sends the waiting acknowledgements now. */
  flush(): void {
    const acks = this.waiting;
    this.waiting = [];
    this.sendAll(acks);
  }

  /** Sends one acknowledgement at once, before those that wait. */
  sendNow(ack: Ack): void {
    this.sendAll([ack]);
  }

  private sendAll(acks: readonly Ack[]): void {
    let commands = '';
    for (const { replyTo, rest, source } of acks) {
      // A stream that was created again would apply the acknowledgement to its own message of that sequence.
      if (!source.lost) commands += `PUB ${replyTo}${rest}`;
    }
    if (commands !== '') this.send(commands);
  }
}
