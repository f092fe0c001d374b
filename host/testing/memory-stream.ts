import { covers } from '../../sdk/internal';
import { Conflict } from '../records/key-value';
import type { RepeatedHeaders } from '../broker/headers';
import type { Time } from '../base/time';

/** A message in a stream. */
export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
  readonly storedAtMs: number;
}

export interface StreamOptions {
  readonly name: string;
  readonly subjects: readonly string[];
  /** The time for which the stream drops messages with an id that it has stored. */
  readonly duplicateWindowMs: number;
}

/** A message to store, and the condition for it. */
export interface Incoming {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
  /** The id of the message. A second message with this id within the duplicate window is not stored. */
  readonly id?: string;
  /**
   * The last sequence that the subject must have for the message to be stored (0: no message); otherwise the call
   * throws {@link Conflict}.
   */
  readonly expected?: number;
}

/** A stream in memory, with sequences, subjects, a duplicate window and conditions on a subject's last message. */
export class MemoryStream {
  readonly created: string;
  readonly messages = new Map<number, StoredMessage>();
  last = 0;
  /** Called when a message has been stored. */
  readonly listeners = new Set<(message: StoredMessage) => void>();
  private readonly lastOf = new Map<string, number>();
  private readonly ids = new Map<string, { sequence: number; atMs: number }>();

  constructor(
    private readonly options: StreamOptions,
    private readonly time: Time,
  ) {
    this.created = new Date(time.epochMs()).toISOString();
  }

  get name(): string {
    return this.options.name;
  }

  holds(subject: string): boolean {
    return this.options.subjects.some((own) => covers(own, subject));
  }

  append({ subject, payload, headers, repeated, id, expected }: Incoming): { sequence: number; duplicate: boolean } {
    const nowMs = this.time.epochMs();
    const known = id === undefined ? undefined : this.ids.get(id);
    if (known && nowMs - known.atMs < this.options.duplicateWindowMs) {
      return { sequence: known.sequence, duplicate: true };
    }
    if (expected !== undefined && expected !== (this.lastOf.get(subject) ?? 0)) throw new Conflict(subject);
    const sequence = ++this.last;
    const all = id === undefined ? headers : { ...headers, 'Nats-Msg-Id': id };
    const message = { sequence, subject, payload, headers: all, repeated, storedAtMs: nowMs };
    this.messages.set(sequence, message);
    this.lastOf.set(subject, sequence);
    if (id !== undefined) this.ids.set(id, { sequence, atMs: nowMs });
    for (const listener of this.listeners) listener(message);
    return { sequence, duplicate: false };
  }

  /** Returns the last message of a subject. */
  lastOn(subject: string): StoredMessage | undefined {
    return this.messages.get(this.lastOf.get(subject) ?? 0);
  }

  remove(sequence: number): void {
    const message = this.messages.get(sequence);
    if (!message) return;
    this.messages.delete(sequence);
    if (this.lastOf.get(message.subject) === sequence) this.lastOf.delete(message.subject);
  }
}
