import type { NatsConnection } from 'nats';

/** What settles a delivery, and where the server waits for it. */
export interface Answer {
  readonly replyTo: string;
  readonly answer: Uint8Array;
  /** Says when nobody is left who is to be answered. */
  readonly source: { readonly lost: boolean };
}

/**
 * Sends what settles deliveries on a connection, in its order: all of one turn of the event loop together,
 * as handlers end one by one and each answer sent by itself is a write to the socket of its own.
 */
export class Answers {
  private waiting: Answer[] = [];

  constructor(private readonly nc: Pick<NatsConnection, 'isClosed' | 'publish'>) {}

  add(answer: Answer): void {
    if (this.waiting.push(answer) === 1) setImmediate(() => this.flush());
  }

  /** Sends what waits, before something that is to come after it. */
  flush(): void {
    const answers = this.waiting;
    this.waiting = [];
    for (const answer of answers) this.send(answer);
  }

  /** On a closed connection there is nobody to tell: the server delivers it again after its ack wait. */
  send({ replyTo, answer, source }: Answer): void {
    // A stream that was made again would take the answer for its own message of that sequence.
    if (!this.nc.isClosed() && !source.lost) this.nc.publish(replyTo, answer);
  }
}
