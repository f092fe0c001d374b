import type { Logger } from './logger';

/** An event that came in [CloudEvents](https://cloudevents.io) form, as its publisher wrote it. */
export interface CloudEvent {
  /** Its attributes by name: `source`, `subject`, extensions such as `partitionkey`; also those that the envelope is made of. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Its data, whole. Its members are the event's fields, but for those that are named like one of the envelope: these are here. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a handler may know of the delivery it is handling; its second parameter. */
export interface EventContext {
  /** Which try this is: 1, then one more for each that failed. */
  readonly attempt: number;
  /** The subject the event was published on. */
  readonly subject: string;
  /** The stream that holds the event. */
  readonly stream: string;
  /** The event's place in its stream, from 1. */
  readonly sequence: number;
  /** When the stream stored the event. */
  readonly time: Date;
  /** The message's headers, by name as sent; the last of several values. Of a CloudEvent in structured mode also its attributes, as in binary mode: `ce-source`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The event as a CloudEvent, if it came as one. */
  readonly cloudEvent?: CloudEvent | undefined;
  /** Aborted when the handler's time is up, or the host is stopping and its grace is over. Pass it on: `fetch(url, { signal })`. */
  readonly signal: AbortSignal;
  /** The plugin's log, with handler, subject and sequence on each line. */
  readonly log: Logger;
}

/** What a handler of batches may know of the one it is handling; its second parameter. */
export interface BatchContext {
  /** What is known of one event of the batch. */
  of(event: object): EventContext;
  /** Aborted when the handler's time is up, or the host is stopping and its grace is over. */
  readonly signal: AbortSignal;
  /** The plugin's log, with the handler and the batch's size on each line. */
  readonly log: Logger;
}
