import type { RepeatedHeaders } from './headers';

/** An update of a store that was applied: where, the how-manieth of that key in its run, and the text it left. */
export type AppliedUpdate = readonly [key: string, ordinal: number, text: string | null];

/** What is known of an event that comes by the retry road. */
export interface Past {
  /** How often it has failed by its own fault. */
  readonly failures: number;
  /** How often since the handler's last success, and how many outages the handler had had by then. */
  readonly provisional?: number;
  readonly outages?: number;
  /** What its earlier runs have applied, which is not to be applied again; more of it in the record of that name. */
  readonly applied: readonly AppliedUpdate[];
  readonly appliedIn?: string;
  /** Whether they may have applied more than that. */
  readonly unsure?: boolean;
  /** The dead letter that it was, to be removed when it is settled. */
  readonly letter?: number;
}

/** Which stored message: the same in every delivery of it. */
export interface MessageRef {
  readonly stream: string;
  /** The message's place in its stream, from 1. */
  readonly sequence: number;
  /** When the stream stored it, in milliseconds since 1970. A stream made again counts its sequences anew. */
  readonly storedAtMs: number;
}

/**
 * One delivery of a stored message: what came, and the four ways to answer. The folder host/nats
 * makes it; only settle.ts, sweep.ts and intake.ts answer it.
 */
export interface Delivery extends MessageRef {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** How many bytes the payload has. */
  readonly size: number;
  /** The payload as UTF-8 text. Throws where it is none. */
  text(): string;
  /** Which event it is: the stored message itself, or the one that waited or was buried and is back by the retry road. */
  readonly origin: MessageRef;
  /** What it brings from before; only by the retry road. */
  readonly past?: Past | undefined;
  /** How often it was delivered, this time included; it counts deploys and lost connections too. */
  readonly deliveryCount: number;
  /** How many messages of its durable had not been delivered yet. */
  readonly pending: number;
  /** Counts the deliveries of its durable, redeliveries included, from 1. */
  readonly consumerSequence: number;
  /** The value of a header by its name in lower case, however it was written; its last one. Throws where the block is malformed. */
  header(lowerName: string): string | undefined;
  /** Its headers, by name as sent; a name sent twice keeps its last value. Throws where the block is malformed. */
  headers(): Readonly<Record<string, string>>;
  /** Of the headers that were sent several times all values; nothing where there are none. Throws where the block is malformed. */
  repeatedHeaders(): RepeatedHeaders | undefined;

  /** Whether it has been answered for good. A second ack, nak or term throws. */
  readonly settled: boolean;
  ack(): void;
  /** Gives it back to the server, which delivers it again after the delay. Default: at once. */
  nak(delayMs?: number): void;
  /**
   * Only deliveries of a handler with a key have it: tries the event again in this host after the delay, 0 by default.
   * The message stays unacknowledged, so that no later event of its key overtakes it.
   */
  retryLocally?(delayMs?: number): void;
  /** It must never come again. The reason goes into the server's advisory where the server can. */
  term(reason: string): void;
  /** It is still being worked on: the server's ack wait starts anew. */
  working(): void;
}
