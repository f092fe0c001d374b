import { api, tracing } from '@opentelemetry/sdk-node';
import { BatchFailure, Reject, RetryLater, type EventContext } from 'jetplug/sdk';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import { systemClock } from '../../../host/base/time';
import type { Handler } from '../../../host/message/handler';
import { processBatch, processMessage } from '../../../host/message/process-message';
import type { Envelope } from '../../../sdk/internal';
import { MessageBench, type FakeDelivery, type Given } from '../../support/message-bench';
import { SpanBench } from '../../support/spans';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const ORIGIN = 'b7ad6b7169203331';
const traced = (flags = '01'): Given => ({ headers: { traceparent: `00-${TRACE}-${ORIGIN}-${flags}` } });

let spans: SpanBench;
let bench: MessageBench;
let bus: JetStreamEventBus;

type Invoke = (event: Envelope, context: EventContext) => unknown;

function open(invoke: Invoke, over: Partial<Handler> = {}, sampler?: tracing.Sampler): void {
  spans = new SpanBench(sampler);
  bench = new MessageBench(invoke, over);
  const outgoing = spans.telemetry.tracedOutgoing(bench.handler.outgoing);
  Object.assign(bench.handler, { outgoing, telemetry: spans.telemetry });
  bus = new JetStreamEventBus(outgoing, systemClock);
}
afterEach(() => spans.stop());

const process = async (delivery: FakeDelivery): Promise<void> => {
  await processMessage(bench.handler, delivery, bench.registry);
};
const processTogether = async (...deliveries: FakeDelivery[]): Promise<void> => {
  await processBatch(bench.handler, deliveries, bench.registry);
};

describe('a call', () => {
  test('is a failed span with the error as its type, status and exception', async () => {
    open(() => {
      throw new TypeError('no paper');
    });
    await process(bench.delivery({}, traced()));
    const { attributes, status, events } = spans.span('process video.*');
    expect(attributes).toMatchObject({ 'error.type': 'TypeError', 'jetplug.outcome': 'failed', 'jetplug.attempt': 1 });
    expect(status).toEqual({ code: api.SpanStatusCode.ERROR, message: 'no paper' });
    expect(events.map(({ name, attributes }) => [name, attributes!['exception.message']])).toEqual([
      ['exception', 'no paper'],
    ]);
    expect(spans.span('nak video.*').attributes['messaging.operation.type']).toBe('settle');
  });

  test('has the code of an error as its type', async () => {
    open(() => {
      throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    });
    await process(bench.delivery({}, traced()));
    expect(spans.span('process video.*').attributes['error.type']).toBe('ECONNREFUSED');
  });

  test('has a span for each attempt, in one trace', async () => {
    let calls = 0;
    open(() => {
      if (++calls === 1) throw new Error('not yet');
    });
    await process(bench.delivery({}, traced()));
    await process(bench.delivery({}, { ...traced(), deliveryCount: 2 }));
    const attempts = spans.spans.filter(({ name }) => name === 'process video.*');
    expect(attempts.map(({ attributes }) => attributes['jetplug.attempt'])).toEqual([1, 2]);
    expect(attempts.map((span) => span.parentSpanContext?.spanId)).toEqual([ORIGIN, ORIGIN]);
    expect(spans.names).toEqual(['process video.*', 'nak video.*', 'process video.*', 'ack video.*']);
  });

  test('has not failed if the handler asks for a later retry', async () => {
    open(() => {
      throw new RetryLater('5s');
    });
    await process(bench.delivery({}, traced()));
    const { attributes, status } = spans.span('process video.*');
    expect(attributes).toMatchObject({ 'jetplug.outcome': 'postponed' });
    expect(attributes).not.toHaveProperty('error.type');
    expect(status.code).toBe(api.SpanStatusCode.UNSET);
  });

  test('is the active span of its handler, also after a wait', async () => {
    const active: (string | undefined)[] = [];
    open(async () => {
      await new Promise(setImmediate);
      active.push(api.trace.getActiveSpan()?.spanContext().spanId);
    });
    await process(bench.delivery({}, traced()));
    expect(active).toEqual([spans.span('process video.*').spanContext().spanId]);
    expect(api.trace.getActiveSpan()).toBeUndefined();
  });

  test('is the active span of its after-commit work', async () => {
    let active: string | undefined;
    open((_event, context) => {
      context.afterCommit(() => void (active = api.trace.getActiveSpan()?.spanContext().spanId));
    });
    await process(bench.delivery({}, traced()));
    expect(active).toBe(spans.span('process video.*').spanContext().spanId);
  });

  test('has no span for a message that is no event; its dead letter has one', async () => {
    open(() => undefined);
    await process(bench.delivery('{', traced()));
    expect(spans.names).toEqual(['term video.*']);
    const { attributes, parentSpanContext } = spans.span('term video.*');
    expect(attributes['jetplug.dead_letter.reason']).toBe('invalid-json');
    expect(parentSpanContext?.spanId).toBe(ORIGIN);
  });

  test('with a malformed header block leaves the message to its dead letter', async () => {
    open(() => undefined);
    const headers = (): never => {
      throw new Error('malformed');
    };
    await process(bench.delivery({}, { headers }));
    expect(bench.letters).toHaveLength(1);
    expect(spans.names).toEqual(['term video.*']);
  });

  test('that rejects its event is terminated, with the reason', async () => {
    open(() => {
      throw new Reject('no such user');
    });
    await process(bench.delivery({}, traced()));
    expect(spans.span('process video.*').attributes['jetplug.outcome']).toBe('rejected');
    expect(spans.span('term video.*').attributes['jetplug.dead_letter.reason']).toBe('rejected');
  });
});

describe('a published event', () => {
  test('carries the context of its span, beneath the span of the call', async () => {
    open(() => bus.publish('badge.paid', { n: 1 }));
    await process(bench.delivery({}, traced()));
    const { spanId } = spans.span('send badge.paid').spanContext();
    expect(bench.sent.map(({ headers }) => headers['traceparent'])).toEqual([`00-${TRACE}-${spanId}-01`]);
    expect(spans.span('send badge.paid').parentSpanContext?.spanId).toBe(
      spans.span('process video.*').spanContext().spanId,
    );
    expect(spans.span('send badge.paid').kind).toBe(api.SpanKind.PRODUCER);
  });

  test('of a failed call has no span', async () => {
    open(async () => {
      await bus.publish('badge.paid', { n: 1 });
      throw new Error('too late');
    });
    await process(bench.delivery({}, traced()));
    expect(spans.names).toEqual(['process video.*', 'nak video.*']);
  });

  test('that cannot be sent has a failed span, and a new one that links to the first when it is sent again', async () => {
    open(() => bus.publish('badge.paid', { n: 1 }));
    bench.fail('send');
    await process(bench.delivery({}, traced()));
    const first = spans.span('send badge.paid');
    expect(first.status.code).toBe(api.SpanStatusCode.ERROR);
    bench.mend('send');
    await process(bench.delivery({}, { ...traced(), deliveryCount: 2 }));
    const [, second] = spans.spans.filter(({ name }) => name === 'send badge.paid');
    expect(second).toMatchObject({ kind: api.SpanKind.CLIENT, status: { code: api.SpanStatusCode.UNSET } });
    expect(second!.links.map(({ context }) => context.spanId)).toEqual([first.spanContext().spanId]);
    const { spanId } = first.spanContext();
    expect(bench.sent.map(({ headers }) => headers['traceparent'])).toEqual([`00-${TRACE}-${spanId}-01`]);
  });

  test('of code outside of a handler has a trace of its own', async () => {
    open(() => undefined);
    await bus.publish('badge.paid', { n: 1 });
    const span = spans.span('send badge.paid');
    const { traceId, spanId } = span.spanContext();
    expect(span).toMatchObject({ kind: api.SpanKind.PRODUCER, links: [] });
    expect(span.parentSpanContext).toBeUndefined();
    expect(bench.sent.map(({ headers }) => headers)).toEqual([{ traceparent: `00-${traceId}-${spanId}-01` }]);
  });
});

describe('a batch', () => {
  test('is one span with a link to each event, in a trace of its own', async () => {
    open(() => undefined, { batch: { size: 3, waitMs: 10 } });
    await processTogether(bench.delivery({}, { ...traced(), sequence: 1 }), bench.delivery({}, { sequence: 2 }));
    const { attributes, links, parentSpanContext } = spans.span('process video.*');
    expect(attributes).toMatchObject({ 'messaging.batch.message_count': 2, 'jetplug.outcome': 'handled' });
    expect(attributes).not.toHaveProperty('messaging.message.id');
    expect(links.map(({ context, attributes }) => [context.spanId, attributes!['messaging.message.id']])).toEqual([
      [ORIGIN, 'EVENTS:1'],
    ]);
    expect(parentSpanContext).toBeUndefined();
    expect(spans.names.filter((name) => name === 'ack video.*')).toHaveLength(2);
  });

  test('has failed if one of its events has failed', async () => {
    open(
      () => {
        throw new BatchFailure([{ index: 1, error: new RangeError('too far') }]);
      },
      { batch: { size: 3, waitMs: 10 } },
    );
    await processTogether(bench.delivery({}, { sequence: 1 }), bench.delivery({}, { sequence: 2 }));
    expect(spans.span('process video.*').attributes).toMatchObject({
      'error.type': 'RangeError',
      'jetplug.outcome': 'failed',
    });
  });

  test('publishes each event in the trace of the event that it is for', async () => {
    open(
      async (events) => {
        for (const event of events as unknown as Envelope[]) await bus.publish('badge.paid', {}, { for: event });
      },
      { batch: { size: 3, waitMs: 10 } },
    );
    await processTogether(bench.delivery({}, { ...traced(), sequence: 1 }), bench.delivery({}, { sequence: 2 }));
    const [first, second] = spans.spans.filter(({ name }) => name === 'send badge.paid');
    const call = spans.span('process video.*').spanContext();
    expect(first!.parentSpanContext?.spanId).toBe(ORIGIN);
    expect(second!.spanContext().traceId).not.toBe(TRACE);
    expect([first!, second!].map(({ links }) => links[0]!.context.spanId)).toEqual([call.spanId, call.spanId]);
  });
});

describe('sampling', () => {
  test('follows the publisher: an event that is not sampled has no spans, and passes that on', async () => {
    open(() => bus.publish('badge.paid', { n: 1 }));
    await process(bench.delivery({}, traced('00')));
    expect(spans.spans).toEqual([]);
    expect(bench.sent[0]!.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  test('asks the sampler for an event without a context, and passes its decision on', async () => {
    open(() => bus.publish('badge.paid', { n: 1 }), {}, new tracing.AlwaysOffSampler());
    await process(bench.delivery());
    expect(spans.spans).toEqual([]);
    expect(bench.sent[0]!.headers['traceparent']).toMatch(/-00$/);
  });
});

test('two handlers of an event without a context are in one trace, with the id that a host without telemetry derives', async () => {
  open(() => bus.publish('badge.paid', { n: 1 }));
  await process(bench.delivery({}, { sequence: 9 }));
  await process(bench.delivery({}, { sequence: 9 }));
  const traces = new Set(spans.spans.map((span) => span.spanContext().traceId));
  expect(traces.size).toBe(1);
  const plain: MessageBench = new MessageBench(() =>
    new JetStreamEventBus(plain.handler.outgoing, systemClock).publish('badge.paid', {}),
  );
  await processMessage(plain.handler, plain.delivery({}, { sequence: 9 }), plain.registry);
  expect([...traces]).toEqual([plain.sent[0]!.headers['traceparent']!.split('-')[1]]);
});
