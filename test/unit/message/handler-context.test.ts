import type { EventContext } from '../../../sdk';
import { HandlerBatchContext, HandlerContext, type EventFacts } from '../../../host/message/handler-context';
import { RecordingLog } from '../../../host/testing/recording-log';

const FACTS: EventFacts = {
  attempt: 2,
  subject: 'a.b',
  stream: 'EVENTS',
  sequence: 3,
  deliveredAs: 7,
  storedAtMs: 0,
};

class TestContext extends HandlerContext {
  reads = 0;
  readonly headers = { a: '1' };
  readonly signal = new AbortController().signal;

  constructor(protected readonly handler: { name: string; log: RecordingLog }) {
    super();
  }

  protected readFacts(): EventFacts {
    this.reads++;
    return FACTS;
  }

  protected addWork(): void {
    throw new Error('not used');
  }
}

class TestBatchContext extends HandlerBatchContext<ConstructorParameters<typeof HandlerBatchContext>[0]> {
  of(): EventContext {
    throw new Error('not used');
  }
}

test('a context reads its delivery only when a handler asks, and once', () => {
  const context = new TestContext({ name: 'handle', log: new RecordingLog() });
  expect([context.headers, context.signal.aborted, context.reads]).toEqual([{ a: '1' }, false, 0]);
  expect([context.attempt, context.subject, context.stream, context.sequence]).toEqual([2, 'a.b', 'EVENTS', 3]);
  expect(context.time).toEqual(new Date(0));
  expect(context.reads).toBe(1);
});

test('a context’s log lines carry handler, subject, attempt, and the sequence in the stream that delivered', () => {
  const log = new RecordingLog();
  const context = new TestContext({ name: 'handle', log });
  context.log.info('hello', { more: 1 });
  expect(context.log).toBe(context.log);
  expect(log.lines.map(({ fields }) => fields)).toEqual([
    { handler: 'handle', subject: 'a.b', sequence: 7, attempt: 2, more: 1 },
  ]);
});

test('a batch context’s log lines carry handler and size', () => {
  const log = new RecordingLog();
  const { signal } = new AbortController();
  const context = new TestBatchContext({ handler: { name: 'many', log }, events: [{}, {}], signal });
  context.log.warn('slow');
  expect(log.lines.map(({ fields }) => fields)).toEqual([{ handler: 'many', batch: 2 }]);
  expect(context.signal).toBe(signal);
});
