import type { OutgoingEvent } from '../broker/ports';
import { API_ERROR, apiErrorCode } from './failures';
import { isAnswerLost } from './publish-attempt';
import type { BatchMessage } from './requests';

/** Sends events to one stream. Both methods resolve when the stream has stored the events. */
export interface EventSender {
  sendOne(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }>;
  /** Sends events that the stream stores together, or not at all. It rejects all of them if it has one already. */
  sendBatch(messages: readonly BatchMessage[]): Promise<unknown>;
}

/**
 * How many events are sent one by one before further ones wait for a batch. A batch takes the server as long as some 50
 * single events where it syncs each write to disk, and as some 250 where it does not.
 */
const MIN_BATCH = 64;
/** The server takes 1,000 messages in a batch. */
const MAX_BATCH = 500;
const MAX_BATCH_CHARACTERS = 500_000;

interface Waiting {
  readonly event: OutgoingEvent;
  resolve(ack: { readonly duplicate: boolean }): void;
  reject(error: unknown): void;
}

/**
 * Publishes many events of one stream in atomic batches (ADR-50), because the server syncs its files once for each
 * batch. The events that arrive while a batch is in flight share the next one. If the stream refuses a batch, or its
 * answer is lost, its events are sent one by one, and the stream drops those that it has already.
 */
export class EventBatches {
  private waiting: Waiting[] = [];
  private singles = 0;
  private isBatching = false;
  /** Whether the stream takes no batches, because somebody has changed its settings. */
  private isRefused = false;

  constructor(private readonly sender: EventSender) {}

  publish(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }> {
    if (!this.isBusy) return this.sendOne(event);
    const sent = new Promise<{ readonly duplicate: boolean }>((resolve, reject) =>
      this.waiting.push({ event, resolve, reject }),
    );
    this.sendWaiting();
    return sent;
  }

  private get isBusy(): boolean {
    return !this.isRefused && (this.isBatching || this.singles >= MIN_BATCH);
  }

  private async sendOne(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }> {
    this.singles++;
    try {
      return await this.sender.sendOne(event);
    } finally {
      this.singles--;
      this.sendWaiting();
    }
  }

  private sendWaiting(): void {
    if (this.isBatching || this.waiting.length === 0) return;
    if (this.waiting.length >= MIN_BATCH && !this.isRefused) void this.sendTogether(this.takeBatch());
    else while (this.waiting.length > 0 && !this.isBusy) this.sendAlone(this.waiting.shift()!);
  }

  private takeBatch(): Waiting[] {
    let characters = 0;
    const end = this.waiting.findIndex(({ event }, index) => {
      characters += event.payload.length;
      return index === MAX_BATCH || (index > 0 && characters > MAX_BATCH_CHARACTERS);
    });
    return this.waiting.splice(0, end < 0 ? this.waiting.length : end);
  }

  private async sendTogether(batch: readonly Waiting[]): Promise<void> {
    this.isBatching = true;
    let isLost = false;
    try {
      await this.sender.sendBatch(batch.map(({ event }) => messageOf(event)));
      for (const { resolve } of batch) resolve({ duplicate: false });
      return;
    } catch (error) {
      isLost = isAnswerLost(error);
      this.isRefused ||= apiErrorCode(error) === API_ERROR.batchesDisabled;
      for (const one of batch) this.sendAlone(one, isLost);
    } finally {
      this.isBatching = false;
      this.sendWaiting();
    }
  }

  /** @param wasLost whether the stream may have the event by a batch whose answer was lost */
  private sendAlone({ event, resolve, reject }: Waiting, wasLost = false): void {
    this.sendOne(event).then(({ duplicate }) => resolve({ duplicate: duplicate && !wasLost }), reject);
  }
}

/** Returns the message of an event. The stream drops repeats by its id. */
export function messageOf({ id, subject, payload, headers }: OutgoingEvent): BatchMessage {
  return { subject, payload, headers: { ...headers, 'Nats-Msg-Id': id } };
}
