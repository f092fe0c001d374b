import { covers } from '../../sdk/internal';
import { Conflict } from '../records/key-value';
import type { RepeatedHeaders } from '../broker/headers';
import type { Time } from '../base/time';

/** A message as a stream keeps it. */
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
  /** For how long it knows an id again. */
  readonly duplicateWindowMs: number;
}

/** What is to be stored, and on what condition. */
export interface Incoming {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
  /** Stored once within the window. */
  readonly id?: string;
  /** Only where this is the last sequence of the subject (0: there is none); else {@link Conflict}. */
  readonly expected?: number;
}

/** A stream in memory: sequences, subjects, repeats dropped by id within a window, and conditions on a subject's last message. */
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

  /** The last message of a subject. */
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
