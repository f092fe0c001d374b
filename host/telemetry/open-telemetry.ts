import type { Attributes, Context, Span } from '@opentelemetry/api';
import type { Time } from '../base/time';
import type { Outgoing } from '../broker/ports';
import type { Telemetry, TracedEnd, TracedHandler, TracedMessage, TracedSettlement } from '../message/telemetry';
import { ofError, ofEvent, ofHandler, ofMessage, ofOwner, operation } from './attributes';
import type { Instruments } from './instruments';
import type { Spans } from './spans';
import { TracedOutgoing, type OpenSend } from './traced-outgoing';

/** The span of a handler's call. It stays known after its end, as the parent of the settlement's span. */
interface Call {
  readonly span: Span;
  readonly context: Context;
  readonly handler: TracedHandler;
  readonly isBatch: boolean;
  readonly messages: number;
  readonly startedMs: number;
  ended: boolean;
}

/**
 * Traces and measures with OpenTelemetry. The span of a call has the context of its message as its parent and as a
 * link; the span of a batch has the links only. An event that is published in a batch continues the trace of the event
 * that it is published for.
 */
export class OpenTelemetry implements Telemetry {
  private readonly calls = new WeakMap<object, Call>();
  /** By the headers of the event, which stay the same object until it is sent. */
  private readonly sends = new WeakMap<object, OpenSend>();

  constructor(
    private readonly spans: Spans,
    private readonly instruments: Instruments,
    private readonly time: Time,
  ) {}

  startCall(call: object, handler: TracedHandler, messages: readonly TracedMessage[], isBatch: boolean): void {
    const { api } = this.spans;
    const first = messages[0]!;
    const origins = messages.map(({ delivery }) => this.spans.contextOf(delivery));
    const parent = isBatch ? api.ROOT_CONTEXT : origins[0]!;
    const span = this.spans.start({
      name: `process ${handler.subject}`,
      kind: api.SpanKind.CONSUMER,
      attributes: {
        ...operation('process', 'process'),
        ...ofHandler(handler),
        ...(isBatch ? { 'messaging.batch.message_count': messages.length } : ofMessage(first)),
      },
      parent,
      links: origins.flatMap((origin, i) => this.spans.linkTo(origin, isBatch ? ofMessage(messages[i]!) : undefined)),
      traceId: isBatch ? undefined : first.derivedTraceId,
    });
    this.calls.set(call, {
      ...{ span, handler, isBatch, ended: false },
      context: api.trace.setSpan(parent, span),
      messages: messages.length,
      startedMs: this.time.nowMs(),
    });
  }

  within<T>(call: object, body: () => T): T {
    const open = this.calls.get(call);
    return open ? this.spans.api.context.with(open.context, body) : body();
  }

  endCall(call: object, { outcome, error }: TracedEnd): void {
    const open = this.calls.get(call);
    if (!open || open.ended) return;
    open.ended = true;
    const { span, handler, messages, startedMs } = open;
    span.setAttribute('jetplug.outcome', outcome);
    this.spans.end(span, error);
    const attributes = { ...operation('process', 'process'), ...ofHandler(handler), ...(error && ofError(error)) };
    this.instruments.processed(messages, this.time.nowMs() - startedMs, attributes);
  }

  headersOf(call: object): Readonly<Record<string, string>> {
    const open = this.calls.get(call);
    return open ? this.spans.headersIn(open.context) : {};
  }

  startSend(
    call: object,
    message: TracedMessage,
    event: { readonly id: string; readonly subject: string },
    headers: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    const open = this.calls.get(call);
    if (!open) return headers;
    const { spans } = this;
    const attributes: Attributes = {
      ...operation('send', 'send'),
      ...ofOwner({ plugin: open.handler.plugin, handler: open.handler.name }),
    };
    const parent = open.isBatch ? spans.contextOf(message.delivery) : open.context;
    const span = spans.start({
      name: `send ${event.subject}`,
      kind: spans.api.SpanKind.PRODUCER,
      attributes: { ...attributes, ...ofEvent(event.id, event.subject, message.root) },
      parent,
      links: open.isBatch ? spans.linkTo(open.context) : [],
      traceId: message.derivedTraceId,
    });
    const sent = { ...headers, ...spans.headersIn(spans.api.trace.setSpan(parent, span)) };
    this.sends.set(sent, { span, attributes });
    return sent;
  }

  settled(call: object, handler: TracedHandler, message: TracedMessage, settlement: TracedSettlement): void {
    const { operation: name, startedAtMs, tookMs, reason } = settlement;
    const { spans } = this;
    const attributes = { ...operation(name, 'settle'), ...ofHandler(handler) };
    const origin = spans.contextOf(message.delivery);
    const span = spans.start({
      name: `${name} ${handler.subject}`,
      kind: spans.api.SpanKind.CLIENT,
      attributes: {
        ...attributes,
        ...ofMessage(message),
        ...(reason !== undefined && { 'jetplug.dead_letter.reason': reason }),
      },
      parent: this.calls.get(call)?.context ?? origin,
      links: spans.linkTo(origin),
      traceId: message.derivedTraceId,
      startedAtMs,
    });
    span.end(startedAtMs + tookMs);
    this.instruments.settled(tookMs, attributes);
  }

  tracedOutgoing(outgoing: Outgoing): Outgoing {
    return new TracedOutgoing(outgoing, this.spans, this.instruments, this.time, this.sends);
  }
}
