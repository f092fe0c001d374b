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

/**
 * Sends what settles deliveries on a connection, in its order: all of one turn of the event loop in one
 * piece, as handlers end one by one and each answer sent by itself is a write to the socket of its own.
 */
export class Answers {
  private waiting: Answer[] = [];

  /** @param send sends commands of the protocol */
  constructor(private readonly send: (commands: string) => void) {}

  add(answer: Answer): void {
    if (this.waiting.push(answer) === 1) setImmediate(() => this.flush());
  }

  /** Sends what waits, before something that is to come after it. */
  flush(): void {
    const answers = this.waiting;
    if (answers.length === 0) return;
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
