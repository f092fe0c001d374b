import type { Delivery } from '../broker/delivery';
import type { Outgoing } from '../broker/ports';

/** A handler, as spans and metrics name it. */
export interface TracedHandler {
  readonly plugin: string;
  readonly name: string;
  readonly durable: string;
  /** The subject that the handler subscribes to, with its wildcards. */
  readonly subject: string;
}

/** The message of one run, as spans describe it. */
export interface TracedMessage {
  readonly delivery: Delivery;
  /** The id of the event. */
  readonly id: string;
  /** The id of the first event of the event's tree. */
  readonly root: string;
  /** Returns the trace id for an event that came without a trace context: 32 hex digits. */
  derivedTraceId(): string;
  readonly attempt: number;
}

/** How a call or a settlement ended. */
export interface TracedEnd {
  readonly outcome: string;
  /** The error, if the call failed. */
  readonly error?: Error | undefined;
}

/** The acknowledgement that a settlement sent to the server. */
export interface TracedSettlement {
  readonly operation: 'ack' | 'nak' | 'term';
  /** When the settlement began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly tookMs: number;
  /** Why the event was dead-lettered, if it was. */
  readonly reason?: string | undefined;
}

/** Traces and measures the runs of handlers. A handler has one only if telemetry is on. Its methods never throw. */
export interface Telemetry {
  /**
   * Starts the span of a handler's call.
   * @param call identifies the call in later calls of this interface
   */
  startCall(call: object, handler: TracedHandler, messages: readonly TracedMessage[], isBatch: boolean): void;
  /** Runs code within the call's span, as its active span. */
  within<T>(call: object, body: () => T): T;
  /** Ends the call's span, and counts its messages. Does nothing if the call has ended, or never began. */
  endCall(call: object, end: TracedEnd): void;
  /** Returns the headers that carry the context of the call's span, such as `traceparent`. */
  headersOf(call: object): Readonly<Record<string, string>>;
  /**
   * Starts the span of an event that a call publishes.
   * @param message the message that the event is published for
   * @param headers the event's headers without a span
   * @returns the event's headers. {@link tracedOutgoing} ends the span when it has sent an event with this object.
   */
  startSend(
    call: object,
    message: TracedMessage,
    event: { readonly id: string; readonly subject: string },
    headers: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>>;
  /** Records a settlement, beneath the span of the message's call if there was one. */
  settled(call: object, handler: TracedHandler, message: TracedMessage, settlement: TracedSettlement): void;
  /** Returns `outgoing` with a span for each event that is sent. */
  tracedOutgoing(outgoing: Outgoing): Outgoing;
}
