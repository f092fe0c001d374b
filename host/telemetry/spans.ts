import type { Attributes, Context, Link, Span, SpanKind, TextMapGetter, Tracer } from '@opentelemetry/api';
import type { api as Api } from '@opentelemetry/sdk-node';
import type { Delivery } from '../broker/delivery';
import { exceptionOf, ofError } from './attributes';
import type { TraceIds } from './trace-ids';

export interface SpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly parent: Context;
  readonly links?: Link[];
  /** Returns the trace id to use if the parent has none. Default: a random one. */
  readonly traceId?: (() => string) | undefined;
  /** In milliseconds since 1970. Default: now. */
  readonly startedAtMs?: number;
}

/** Starts and ends spans, and reads and writes their contexts in the headers of messages. */
export class Spans {
  private readonly tracer: Tracer;

  constructor(
    readonly api: typeof Api,
    private readonly ids: TraceIds,
  ) {
    this.tracer = api.trace.getTracer('jetplug');
  }

  start({ name, kind, attributes, parent, links = [], traceId, startedAtMs }: SpanOptions): Span {
    const options = { kind, attributes, links, ...(startedAtMs !== undefined && { startTime: startedAtMs }) };
    const id = traceId && !this.isInTrace(parent) ? traceId() : undefined;
    return this.ids.startWith(id, () => this.tracer.startSpan(name, options, parent));
  }

  /** Ends a span, as failed if there is an error. */
  end(span: Span, error?: Error): void {
    if (error && span.isRecording()) {
      const exception = exceptionOf(error);
      span.setAttributes(ofError(error));
      span.recordException(exception);
      span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: exception.message });
    }
    span.end();
  }

  /** Returns the context in which a message was published. */
  contextOf(delivery: Delivery): Context {
    const { propagation, ROOT_CONTEXT } = this.api;
    try {
      return propagation.extract(ROOT_CONTEXT, delivery, HEADERS);
    } catch {
      // A malformed header block has no context. The step that decodes the message reports it.
      return ROOT_CONTEXT;
    }
  }

  /** Returns the headers that carry a context. */
  headersIn(context: Context): Readonly<Record<string, string>> {
    const headers: Record<string, string> = {};
    this.api.propagation.inject(context, headers);
    return headers;
  }

  /** Returns the link to the span of a context; none if the context has no span. */
  linkTo(context: Context, attributes?: Attributes): Link[] {
    const spanContext = this.api.trace.getSpanContext(context);
    return spanContext && this.isInTrace(context) ? [{ context: spanContext, ...(attributes && { attributes }) }] : [];
  }

  private isInTrace(context: Context): boolean {
    const { trace, isSpanContextValid } = this.api;
    const spanContext = trace.getSpanContext(context);
    return spanContext !== undefined && isSpanContextValid(spanContext);
  }
}

const HEADERS: TextMapGetter<Delivery> = {
  get: (delivery, name) => delivery.header(name.toLowerCase()),
  keys: (delivery) => Object.keys(delivery.headers()),
};
