/** The functions of the broker that handling a message needs. The folder host/nats implements these interfaces. */
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
  /**
   * Checks before the commit of a run that its event can be sent afterwards: that it is not larger than the server
   * takes, and that a stream holds its subject. Undefined if that is known without a request. Throws or rejects with
   * `JP_PUBLISH_TOO_LARGE`, `JP_PUBLISH_NO_STREAM` or `JP_SUBJECT_INVALID`.
   */
  check(event: OutgoingEvent): Promise<void> | undefined;
  /**
   * Publishes the event. Resolves when a stream has stored it, or holds an event of this id already. Rejects with
   * `JP_PUBLISH_FAILED` or `JP_PUBLISH_BACKLOG`.
   */
  send(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }>;
  /** The time in milliseconds for which every stream drops duplicates of an event id. */
  readonly dropsRepeatsMs: number;
  /** Finds the ids of the events on a subject that were stored at or after a time. */
  idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>>;
}

/** A dead letter: an event that is not retried any more, with its failure as headers. */
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
  /** Stores the letter. Resolves when it is stored, by this call or an earlier one. */
  store(letter: DeadLetter): Promise<void>;
  /**
   * Removes the letter of a redriven event that is settled. Does nothing if the letter is gone or belongs to another
   * event.
   */
  remove(id: number, of: MessageRef): Promise<void>;
}

/** An event whose delivery to one handler is deferred. */
export interface DeferredEvent {
  readonly plugin: string;
  readonly handler: string;
  readonly origin: MessageRef;
  /** The subject that the event was published on. */
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
  /** Stores the event. Resolves when it is stored, by this call or an earlier one. */
  defer(event: DeferredEvent): Promise<void>;
}

/** Notifies a handler when one of its events is put into the retry queue. */
export interface RetryNotifier {
  /** Calls the listener for each event that is deferred for the handler. Returns a function that ends the calls. */
  on(plugin: string, handler: string, listener: () => void): () => void;
}
