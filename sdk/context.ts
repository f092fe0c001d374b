import type { Logger } from './logger';

/** An event that came in [CloudEvents](https://cloudevents.io) form, as its publisher wrote it. */
export interface CloudEvent {
  /**
   * The attributes by name: `source`, `subject`, extensions such as `partitionkey`; also those that the envelope is
   * built from.
   */
  readonly attributes: Readonly<Record<string, unknown>>;
  /**
   * The complete data. Its members are the event's fields, except those with the name of a field of the envelope, which
   * are found only here.
   */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The second parameter of a handler: the properties of the delivery that it handles. */
export interface EventContext {
  /** The number of this attempt: 1, and one more for each failed attempt before it. */
  readonly attempt: number;
  /** The subject that the event was published on. */
  readonly subject: string;
  /** The stream that holds the event. */
  readonly stream: string;
  /** The event's sequence in its stream, from 1. */
  readonly sequence: number;
  /** The time at which the stream stored the event. */
  readonly time: Date;
  /**
   * The message's headers, by name as sent. If a header has several values, this is the last. A CloudEvent in
   * structured mode also has its attributes here, named as in binary mode: `ce-source`.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The event as a CloudEvent, if it came as one. */
  readonly cloudEvent?: CloudEvent | undefined;
  /**
   * Aborted when the handler's timeout has passed, or when the host stops and its grace period has passed. Pass it to
   * the calls that the handler awaits: `fetch(url, { signal })`.
   */
  readonly signal: AbortSignal;
  /** The plugin's log, with handler, subject and sequence on each line. */
  readonly log: Logger;
  /**
   * Calls the function after the run is committed, at least once: for what must happen only for committed values, such
   * as a mail or a call of another service. It is never called for a run that fails, or that starts again because of a
   * conflict.
   *
   * The functions of a run are called one after the other, before the event is acknowledged. If one fails or exceeds the
   * handler's timeout, or the host dies, the event is redelivered: the handler is repeated with the values that its run
   * has read, its changes and events are dropped, and all of its functions are called again. Failures count as attempts
   * of the event, and `RetryLater` and `Reject` work as in the handler. After the last attempt the error is logged; the
   * event stays settled and becomes no dead letter.
   *
   * In the function, the store and the event bus work as outside of a handler: each change is committed on its own.
   *
   * @param work gets a signal that is aborted when the handler's timeout has passed, counted from the call, or when the
   * host stops
   *
   * ```ts
   * context.afterCommit((signal) => fetch(url, { method: 'POST', body, signal }));
   * ```
   */
  afterCommit(work: (signal: AbortSignal) => unknown): void;
}

/** The second parameter of a handler of batches: the properties of the batch that it handles. */
export interface BatchContext {
  /**
   * The context of one event of the batch.
   * @throws JetplugError `JP_BATCH_EVENT` for an object that is not an event of the batch
   */
  of(event: object): EventContext;
  /** Aborted when the handler's timeout has passed, or when the host stops and its grace period has passed. */
  readonly signal: AbortSignal;
  /** The plugin's log, with the handler and the batch's size on each line. */
  readonly log: Logger;
}
