import type { Attributes, Span } from '@opentelemetry/api';
import { plainError } from '../base/plain-error';
import type { Time } from '../base/time';
import type { Outgoing, OutgoingEvent } from '../broker/ports';
import { currentOwner } from '../message/run';
import { ofError, ofEvent, ofOwner, operation } from './attributes';
import type { Instruments } from './instruments';
import type { Spans } from './spans';

/** The span of an event that is not sent yet. */
export interface OpenSend {
  readonly span: Span;
  /** The attributes of its metrics. */
  readonly attributes: Attributes;
}

/** Publishes events, and ends the span of each when a stream has stored it. */
export class TracedOutgoing implements Outgoing {
  /** @param sends the spans that were started as handlers published, by the headers of the events */
  constructor(
    private readonly outgoing: Outgoing,
    private readonly spans: Spans,
    private readonly instruments: Instruments,
    private readonly time: Time,
    private readonly sends: WeakMap<object, OpenSend>,
  ) {}

  get dropsRepeatsMs(): number {
    return this.outgoing.dropsRepeatsMs;
  }

  check(event: OutgoingEvent): Promise<void> | undefined {
    return this.outgoing.check(event);
  }

  idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
    return this.outgoing.idsSince(subject, sinceMs);
  }

  async send(event: OutgoingEvent): Promise<{ readonly duplicate: boolean }> {
    const open = this.sends.get(event.headers);
    this.sends.delete(event.headers);
    const { send, traced } = open ? { send: open, traced: event } : this.start(event);
    const startedMs = this.time.nowMs();
    try {
      const stored = await this.outgoing.send(traced);
      this.end(send, startedMs);
      return stored;
    } catch (thrown) {
      this.end(send, startedMs, plainError(thrown));
      throw thrown;
    }
  }

  /**
   * Starts the span of an event without one. Code outside of a handler has published it, or it is sent again, or an
   * earlier host has committed it. An event that has a context keeps it, and the span links to that context.
   */
  private start(event: OutgoingEvent): { send: OpenSend; traced: OutgoingEvent } {
    const { spans } = this;
    const { api } = spans;
    const created = api.propagation.extract(api.ROOT_CONTEXT, event.headers);
    const links = spans.linkTo(created);
    const isCreated = links.length > 0;
    const parent = isCreated ? created : api.context.active();
    const owner = currentOwner();
    const attributes = { ...operation('send', 'send'), ...(owner && ofOwner(owner)) };
    const span = spans.start({
      name: `send ${event.subject}`,
      kind: isCreated ? api.SpanKind.CLIENT : api.SpanKind.PRODUCER,
      attributes: { ...attributes, ...ofEvent(event.id, event.subject, undefined) },
      ...{ parent, links },
    });
    const headers = isCreated ? {} : spans.headersIn(api.trace.setSpan(parent, span));
    return { send: { span, attributes }, traced: { ...event, headers: { ...event.headers, ...headers } } };
  }

  private end({ span, attributes }: OpenSend, startedMs: number, error?: Error): void {
    this.spans.end(span, error);
    const failure = error && ofError(error);
    this.instruments.sentOne(this.time.nowMs() - startedMs, { ...attributes, ...failure });
  }
}
