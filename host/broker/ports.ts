/** The broker, as a message's life needs it. host/nats implements these interfaces. */
import type { MessageRef, Past } from './delivery';
import type { RepeatedHeaders } from './headers';

/** An event on its way to a stream. */
export interface OutgoingEvent {
  readonly id: string;
  readonly subject: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where events are published. */
export interface Outgoing {
  /** Resolves when a stream has stored the event, or had it already under this id. Rejects with `JP_PUBLISH_FAILED` or `JP_PUBLISH_BACKLOG`. */
  send(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }>;
  /** For how long every stream drops duplicates of an event id, in milliseconds. */
  readonly dropsRepeatsMs: number;
  /** The ids of the events on a subject that were stored at or after a time. */
  idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>>;
}

/** A message that is not retried any more, with the failure as headers. */
export interface DeadLetter {
  readonly plugin: string;
  readonly handler: string;
  readonly stream: string;
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
  /** The id of the event's earlier letter: the event was redriven and failed again. */
  readonly replaces?: number;
  /** The original payload, byte for byte. */
  readonly payload: Uint8Array;
}

/** Stores dead letters. */
export interface DeadLetters {
  /** Resolves when the letter is stored, or was already. */
  store(letter: DeadLetter): Promise<void>;
  /** Removes the letter of a redriven event that is settled. No error where the letter is gone or is another event's. */
  remove(id: number, of: MessageRef): Promise<void>;
}

/** An event that is delivered again later, to one handler alone. */
export interface DeferredEvent {
  readonly plugin: string;
  readonly handler: string;
  readonly origin: MessageRef;
  /** The subject it was published on. */
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly repeated?: RepeatedHeaders | undefined;
  readonly dueAtMs: number;
  readonly past: Past;
  /** Distinguishes several stays of one event in the retry queue. */
  readonly pass: string;
}

/** Stores events until they are due. */
export interface RetryQueue {
  /** Resolves when the event is stored, or was already. */
  defer(event: DeferredEvent): Promise<void>;
}

/** Tells a handler when an event of its own is put into the retry queue. */
export interface RetryNotifier {
  /** Calls back for each event that is deferred for the handler; the result ends that. */
  on(plugin: string, handler: string, listener: () => void): () => void;
}
