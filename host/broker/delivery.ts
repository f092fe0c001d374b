import type { RepeatedHeaders } from './headers';

/** The history of an event that comes from the retry queue. */
export interface Past {
  /** The number of the event's failures that are charged to the event. */
  readonly failures: number;
  /** The number of the event's failures since the handler's last success. */
  readonly provisional?: number;
  /** The number of outages that the handler had had when those failures were counted. */
  readonly outages?: number;
  /** The id of the dead letter that the event was redriven from. The letter is removed when the event is settled. */
  readonly letter?: number;
}

/** Identifies a stored message; every delivery of the message has the same reference. */
export interface MessageRef {
  readonly stream: string;
  /** The message's place in its stream, from 1. */
  readonly sequence: number;
  /**
   * When the stream stored the message, in milliseconds since 1970. A stream that is created again starts its sequences
   * at 1.
   */
  readonly storedAtMs: number;
}

/**
 * One delivery of a stored message, and the ways to answer it. The folder host/nats creates deliveries. The settle step
 * answers them. The intake extends their ack wait, and nacks a delivery whose event does not begin.
 */
export interface Delivery extends MessageRef {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The size of the payload in bytes. */
  readonly size: number;
  /** Decodes the payload as text. Throws if the payload is not UTF-8. */
  text(): string;
  /**
   * The message that the event was published as. For a delivery from the retry queue, this is another message than the
   * stored one.
   */
  readonly origin: MessageRef;
  /** The event's history; only for a delivery from the retry queue. */
  readonly past?: Past | undefined;
  /**
   * The number of deliveries of the message, this one included. Deliveries before a deploy or a lost connection count
   * too.
   */
  readonly deliveryCount: number;
  /** The number of messages that the durable had left to deliver after this one. */
  readonly pending: number;
  /** The number of this delivery among all deliveries of the durable, redeliveries included, from 1. */
  readonly consumerSequence: number;
  /**
   * Returns the last value of a header by its lower-case name; the message may use any case. Throws if the header block
   * is malformed.
   */
  header(lowerName: string): string | undefined;
  /** Returns the last value of each header, by name as sent. Throws if the header block is malformed. */
  headers(): Readonly<Record<string, string>>;
  /**
   * Returns all values of the headers that were sent several times; undefined if there are none. Throws if the header
   * block is malformed.
   */
  repeatedHeaders(): RepeatedHeaders | undefined;

  /** Whether an ack, nak or term was sent. Another one throws. */
  readonly settled: boolean;
  ack(): void;
  /** Whether another host gets the event now, so that this one must not begin it. Default false. */
  readonly isDropped?: boolean;
  /** Nacks the delivery: the server redelivers it after the delay. Default: at once. */
  nak(delayMs?: number): void;
  /**
   * Tries the event again in this host after the delay, 0 by default. The message stays unacknowledged, so no later
   * event of its key overtakes it. Only deliveries of a handler with a key have this method.
   */
  retryLocally?(delayMs?: number): void;
  /**
   * Ends the delivery: the server never redelivers the event. Server versions that support a reason put it into their
   * advisory.
   */
  term(reason: string): void;
  /** Restarts the server's ack wait. */
  working(): void;
}
