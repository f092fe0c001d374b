import { countFitting } from '../base/count-fitting';
import type { PubAck } from './client';
import { API_ERROR, apiErrorCode } from './failures';
import { isAnswerLost } from './publish-attempt';
import type { BatchMessage, Requests } from './requests';

/**
 * How many messages that are published at a time go into a batch. A batch takes the server as long as some 50 single
 * messages where it syncs each write to disk, and as some 250 where it does not.
 */
const MIN_BATCH = 64;
/** The server takes 1,000 messages in a batch. */
const MAX_BATCH = 500;
const MAX_BATCH_CHARACTERS = 500_000;
const ENDS = { endsWithConnection: true };

interface Waiting {
  readonly message: BatchMessage;
  resolve(ack: PubAck): void;
  reject(error: unknown): void;
}

/**
 * Publishes many messages of one stream in atomic batches (ADR-50), because the server syncs its files once for each
 * batch. The messages that arrive while a batch is in flight share the next one. If the stream refuses a batch, or its
 * answer is lost, its messages are published one by one. The stream then drops or refuses those that it has already, by
 * their id or by their expected sequence.
 */
export class MessageBatches {
  private waiting: Waiting[] = [];
  private singles = 0;
  private isBatching = false;
  private isScheduled = false;
  /** Whether the stream takes no batches, because somebody has changed its settings. */
  private isRefused = false;

  constructor(private readonly requests: Pick<Requests, 'publish' | 'publishBatch'>) {}

  /**
   * Publishes a message. Resolves when the stream has stored it. Rejects as {@link Requests.publish} does, also when the
   * connection is lost, because an answer is unlikely then.
   */
  publish(message: BatchMessage): Promise<PubAck> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      if (this.isScheduled) return;
      // The messages of this turn of the event loop share a batch.
      this.isScheduled = true;
      queueMicrotask(() => {
        this.isScheduled = false;
        this.sendWaiting();
      });
    });
  }

  private sendWaiting(): void {
    if (this.isBatching) return;
    if (this.waiting.length >= MIN_BATCH && !this.isRefused) void this.sendTogether(this.takeBatch());
    else while (this.waiting.length > 0 && this.mayBeAlone) this.sendAlone(this.waiting.shift()!);
  }

  /** Whether another message may be in flight by itself. More of them wait for a batch. */
  private get mayBeAlone(): boolean {
    return this.singles < MIN_BATCH || this.isRefused;
  }

  private takeBatch(): Waiting[] {
    const fitting = countFitting(this.waiting, MAX_BATCH_CHARACTERS, ({ message }) => message.payload.length);
    return this.waiting.splice(0, Math.min(MAX_BATCH, fitting));
  }

  private async sendTogether(batch: readonly Waiting[]): Promise<void> {
    this.isBatching = true;
    try {
      const messages = batch.map(({ message }) => message);
      const { stream, seq: last } = await this.requests.publishBatch(messages, ENDS);
      const first = last - batch.length + 1;
      for (const [i, { resolve }] of batch.entries()) resolve({ stream, seq: first + i, duplicate: false });
    } catch (error) {
      this.isRefused ||= apiErrorCode(error) === API_ERROR.batchesDisabled;
      for (const one of batch) this.sendAlone(one, isAnswerLost(error));
    } finally {
      this.isBatching = false;
      this.sendWaiting();
    }
  }

  /** @param wasLost whether the stream may have the message by a batch whose answer was lost */
  private sendAlone({ message, resolve, reject }: Waiting, wasLost = false): void {
    const { subject, payload, headers } = message;
    this.singles++;
    this.requests
      .publish(subject, payload, { headers, ...ENDS })
      .then((ack) => resolve(wasLost ? { ...ack, duplicate: false } : ack), reject)
      .finally(() => {
        this.singles--;
        this.sendWaiting();
      });
  }
}
