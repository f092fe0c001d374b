import type { RepeatedHeaders } from './headers';

/** A store update that was already applied: the key, its index among the run's updates of that key, and the resulting text. */
export type AppliedUpdate = readonly [key: string, ordinal: number, text: string | null];

/** The history of an event that comes from the retry queue. */
export interface Past {
  /** How many of its failures are charged to it. */
  readonly failures: number;
  /** Its failures since the handler's last success, and how many outages the handler had had by then. */
  readonly provisional?: number;
  readonly outages?: number;
  /** The updates that its earlier runs applied, which must not be applied again. `appliedIn` names a record with more of them. */
  readonly applied: readonly AppliedUpdate[];
  readonly appliedIn?: string;
  /** Whether its earlier runs may have applied more updates than are known. */
  readonly unsure?: boolean;
  /** The id of the dead letter that the event was redriven from. The letter is removed when the event is settled. */
  readonly letter?: number;
}

/** Identifies a stored message; every delivery of it has the same. */
export interface MessageRef {
  readonly stream: string;
  /** The message's place in its stream, from 1. */
  readonly sequence: number;
  /** When the stream stored it, in milliseconds since 1970. A stream that is made again starts its sequences at 1. */
  readonly storedAtMs: number;
}

/**
 * One delivery of a stored message, and the ways to answer it. host/nats makes it. The settle step answers it; the
 * intake extends its ack wait, and sends a nak for a delivery that does not begin.
 */
export interface Delivery extends MessageRef {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** How many bytes the payload has. */
  readonly size: number;
  /** The payload as text. Throws where it is not UTF-8. */
  text(): string;
  /** The message that the event was published as. From the retry queue, it is another one than the stored message. */
  readonly origin: MessageRef;
  /** The event's history; only from the retry queue. */
  readonly past?: Past | undefined;
  /** How often the message was delivered, with this delivery. Deploys and lost connections count too. */
  readonly deliveryCount: number;
  /** How many messages the durable had left to deliver. */
  readonly pending: number;
  /** Counts the deliveries of its durable, redeliveries included, from 1. */
  readonly consumerSequence: number;
  /** The last value of the header with this lower-case name, in whatever case it was sent. Throws where the header block is malformed. */
  header(lowerName: string): string | undefined;
  /** The last value of each header, by name as sent. Throws where the header block is malformed. */
  headers(): Readonly<Record<string, string>>;
  /** All values of the headers that were sent several times; undefined without any. Throws where the header block is malformed. */
  repeatedHeaders(): RepeatedHeaders | undefined;

  /** Whether an ack, nak or term was sent. A second one throws. */
  readonly settled: boolean;
  ack(): void;
  /** Nacks the delivery: the server redelivers it after the delay. Default: at once. */
  nak(delayMs?: number): void;
  /**
   * Only deliveries of a handler with a key have it: tries the event again in this host after the delay, 0 by default.
   * The message stays unacknowledged, so that no later event of its key overtakes it.
   */
  retryLocally?(delayMs?: number): void;
  /** The server never redelivers it. The reason goes into the server's advisory, where its version has one. */
  term(reason: string): void;
  /** Restarts the server's ack wait. */
  working(): void;
}
