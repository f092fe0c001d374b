/** What settles a delivery, and where the server waits for it. */
export interface Answer {
  readonly replyTo: string;
  /** As {@link published} makes it. */
  readonly answer: string;
  /** Says when nobody is left who is to be answered. */
  readonly source: { readonly lost: boolean };
}

/** What follows the subject in the protocol's PUB command. */
export function published(payload: string): string {
  return ` ${Buffer.byteLength(payload)}\r\n${payload}\r\n`;
}

/** A turn may read many chunks from the socket: the server is not to wait for its end, nor is the memory. */
const MOST_WAITING = 128;

/**
 * Sends what settles deliveries on a connection, in its order: those of one turn of the event loop in few
 * pieces, as handlers end one by one and each answer sent by itself is a write to the socket of its own.
 */
export class AckWriter {
  private waiting: Answer[] = [];

  /** @param send sends commands of the protocol */
  constructor(private readonly send: (commands: string) => void) {}

  add(answer: Answer): void {
    const count = this.waiting.push(answer);
    if (count === 1) setImmediate(() => this.flush());
    else if (count >= MOST_WAITING) this.flush();
  }

  /** Sends what waits, before something that is to come after it. */
  flush(): void {
    const answers = this.waiting;
    this.waiting = [];
    this.sendAll(answers);
  }

  /** Sends an answer that is not to wait. */
  sendNow(answer: Answer): void {
    this.sendAll([answer]);
  }

  private sendAll(answers: readonly Answer[]): void {
    let commands = '';
    for (const { replyTo, answer, source } of answers) {
      // A stream that was made again would take the answer for its own message of that sequence.
      if (!source.lost) commands += `PUB ${replyTo}${answer}`;
    }
    if (commands !== '') this.send(commands);
  }
}
