import { createInbox, headers, type NatsConnection, type PubAck, type Subscription } from 'nats';

interface Waiting {
  readonly sentAtMs: number;
  resolve(ack: PubAck): void;
  reject(error: Error): void;
}

const TIMEOUT_MS = 5_000;
const SWEEP_MS = 1_000;

/**
 * The best publisher that can be written with the client: core publishes, one subscription for all answers of the
 * stream, and one timer for the answers that do not come.
 */
export class AckInbox {
  /** Pending publishes by the last token of the reply subject, the oldest first. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly prefix = `${createInbox()}.`;
  private readonly subscription: Subscription;
  private readonly sweep = setInterval(() => this.giveUp(), SWEEP_MS);
  private sent = 0;

  constructor(private readonly nc: NatsConnection) {
    this.subscription = nc.subscribe(`${this.prefix}*`, {
      callback: (_, message) => {
        const token = message.subject.slice(this.prefix.length);
        const waiting = this.waiting.get(token);
        this.waiting.delete(token);
        const ack =
          message.data.length === 0 ? undefined : message.json<PubAck & { error?: { description: string } }>();
        if (!ack) waiting?.reject(new Error('no stream holds the subject'));
        else if (ack.error) waiting?.reject(new Error(ack.error.description));
        else waiting?.resolve(ack);
      },
    });
  }

  /** @param id the message id by which the stream drops repeats */
  publish(subject: string, payload: string, id?: string, more: Readonly<Record<string, string>> = {}): Promise<PubAck> {
    const token = (this.sent++).toString(36);
    const head = headers();
    if (id !== undefined) head.set('Nats-Msg-Id', id);
    for (const name in more) head.set(name, more[name]!);
    return new Promise((resolve, reject) => {
      this.waiting.set(token, { sentAtMs: performance.now(), resolve, reject });
      this.nc.publish(subject, payload, { reply: this.prefix + token, headers: head });
    });
  }

  close(): void {
    clearInterval(this.sweep);
    this.subscription.unsubscribe();
  }

  private giveUp(): void {
    const beforeMs = performance.now() - TIMEOUT_MS;
    for (const [token, { sentAtMs, reject }] of this.waiting) {
      if (sentAtMs > beforeMs) return;
      this.waiting.delete(token);
      reject(new Error(`no answer within ${TIMEOUT_MS} ms`));
    }
  }
}
