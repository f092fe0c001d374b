import { runInNewContext } from 'node:vm';
import { defineEvent, Reject, RetryLater, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import type { TextStore } from '../../../host/effects/text-store';
import { then, type MaybePromise } from '../../../host/base/maybe-promise';
import { doAfterCommitWork } from '../../../host/message/after-commit';
import { commit } from '../../../host/message/commit';
import { dispatch } from '../../../host/message/dispatch';
import { sendEmits } from '../../../host/message/outbox';
import type { Outcome } from '../../../host/message/outcome';
import { pipeline } from '../../../host/message/pipeline';
import { currentOwner, Run } from '../../../host/message/run';
import { passed, type Ended, type Validated } from '../../../host/message/stages';
import { timedOut } from '../../../host/message/thrown-outcome';
import { JetplugError, type Envelope } from '../../../sdk/internal';
import { HOSTILE_RESULTS } from '../../support/hostile-values';
import { MessageBench } from '../../support/message-bench';
import { systemClock } from '../../../host/base/time';

const EVENT: Envelope = { event_type: 'a.b', event_id: 'e1', timestamp: '2026-05-12T12:00:00.000Z' };

/** A run of a handler, with the bus and store that a plugin would have. */
function setUp(invoke: (context: EventContext, bus: JetStreamEventBus, store: TextStore<number>) => unknown) {
  const bench: MessageBench = new MessageBench((_event, context) => invoke(context, bus, store));
  const store = bench.store<number>();
  const bus = new JetStreamEventBus(bench.handler.outgoing, systemClock);
  const decoded = { kind: 'decoded', envelope: EVENT, fields: {}, hops: 2 } as const;
  const run = new Run(bench.handler, bench.delivery({}, { headers: { trace: 't1' } }), bench.registry);
  run.decoded = decoded;
  run.event = EVENT;
  run.begin();
  const ends: string[] = [];
  const steps = pipeline<Validated, Ended>()
    .step(dispatch)
    .step(commit)
    .step(sendEmits)
    .step(doAfterCommitWork)
    .conclude((ended) => {
      ends.push(ended.outcome.kind);
      return ended;
    })
    .cleanUp(() => undefined);
  const outcome = (): MaybePromise<Outcome> => then(steps.run(passed<Validated>(run)), () => run.outcome!);
  return { bench, run, outcome, ends };
}

const forever = () => new Promise<never>(() => undefined);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('the run of a handler that returns no promise ends synchronously', () => {
  const { outcome, run } = setUp(() => 'whatever');
  expect(outcome()).toEqual({ kind: 'handled' });
  expect(run.isOver).toBe(true);
});

test('the run of a handler that returns a promise ends when the promise resolves', async () => {
  const { outcome } = setUp(async () => turn());
  expect(await outcome()).toEqual({ kind: 'handled' });
});

test('a returned object with a `then`, like a query builder, is awaited, and only its first callback counts', async () => {
  const { outcome, bench } = setUp((_context, bus) => ({
    then: (done: () => void) => {
      void bus.publish('a.c', {}).then(() => [done(), done()]);
    },
  }));
  expect(await outcome()).toEqual({ kind: 'handled' });
  expect(bench.sent).toHaveLength(1);
});

test('a `then` that throws is a failure of the handler', async () => {
  const { outcome } = setUp(() => ({
    then: () => {
      throw new Error('broken then');
    },
  }));
  expect(await outcome()).toMatchObject({ kind: 'failed', error: { message: 'broken then' } });
  const getter = setUp(() => ({
    get then(): never {
      throw new Error('broken getter');
    },
  }));
  expect(await getter.outcome()).toMatchObject({ kind: 'failed', error: { message: 'broken getter' } });
});

test.each<[string, unknown, Partial<Outcome>]>([
  ['an Error', new TypeError('x'), { kind: 'failed' }],
  ['Reject', new Reject('never'), { kind: 'rejected' }],
  ['RetryLater', new RetryLater('10m'), { kind: 'postponed', delayMs: 600_000 }],
  ['a store that does not answer', new JetplugError('JP_STORE_UNAVAILABLE', 'x'), { kind: 'unavailable' }],
  ['a store that cannot be opened', new JetplugError('JP_BROKER_NO_QUORUM', 'x'), { kind: 'unavailable' }],
  ['a stream that does not store', new JetplugError('JP_PUBLISH_FAILED', 'x'), { kind: 'unavailable' }],
  ['any other coded error', new JetplugError('JP_EVENT_INVALID', 'x'), { kind: 'failed' }],
  ['a subject that no stream holds', new JetplugError('JP_PUBLISH_NO_STREAM', 'x'), { kind: 'failed' }],
])(
  'a handler that throws %s has the outcome of that error, whether it throws synchronously or later',
  async (_what, thrown, expected) => {
    const sync = setUp(() => {
      throw thrown;
    });
    const async = setUp(async () => {
      await turn();
      throw thrown;
    });
    for (const { outcome, run } of [sync, async]) {
      expect(await outcome()).toMatchObject({ ...expected, error: thrown });
      expect(run.isOver).toBe(true);
    }
  },
);

test('Reject and RetryLater of another copy of the SDK are recognised by their marks', async () => {
  const reject = Object.assign(new Error('never'), { [Symbol.for('jetplug.reject')]: true });
  const later = Object.assign(new Error('later'), { [Symbol.for('jetplug.retry-later')]: true, delayMs: 5 });
  expect(await setUp(() => Promise.reject(reject)).outcome()).toMatchObject({ kind: 'rejected' });
  expect(await setUp(() => Promise.reject(later)).outcome()).toMatchObject({ kind: 'postponed', delayMs: 5 });
});

test('an error of another realm keeps its name, message and stack', async () => {
  const foreign = runInNewContext('new Error("foreign")') as Error;
  const outcome = await setUp(() => Promise.reject(foreign)).outcome();
  expect((outcome as { error: unknown }).error).toMatchObject({
    name: 'Error',
    message: 'foreign',
    stack: foreign.stack,
  });
});

const NO_ERRORS: [what: string, thrown: unknown, shown: RegExp][] = [
  ['undefined', undefined, /threw undefined, which/],
  ['null', null, /threw null, which/],
  ['text', 'broken', /threw 'broken', which/],
  ['a symbol', Symbol('broken'), /threw Symbol\(broken\), which/],
  ['a function', () => 1, /threw \[Function/],
  ['an object without a prototype', Object.create(null), /threw \[Object: null prototype\] \{\}, which/],
  [
    'something like an error whose message is no text',
    { name: 'X', message: { code: 1 }, stack: [] },
    /threw \{ name: 'X'/,
  ],
  ['something like an error without a name', { message: 'x', stack: 'y' }, /threw \{ message: 'x'/],
  [
    'a proxy that throws',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
      },
    ),
    /threw \{\}, which/,
  ],
  ['a very long text', 'x'.repeat(10_000), /threw 'x{150,200}, which/],
];

test.each(NO_ERRORS)(
  'a handler that throws %s fails with an Error that says so and where',
  async (_what, thrown, shown) => {
    const error = thrown as Error;
    const { outcome } = setUp(() => Promise.reject(error));
    const ended = await outcome();
    if (ended.kind !== 'failed') throw new Error(ended.kind);
    expect(ended.error.message).toMatch(shown);
    expect(ended.error.message).toMatch(/^badge\.award threw .*, which is not an Error$/);
    expect(ended.error.stack).toContain('at award (/plugins/badge.plugin.ts:12:1)');
    expect(ended.error.cause).toBeUndefined();
  },
);

test('the events that a handler publishes are sent after it returns', async () => {
  const { outcome, bench, run } = setUp(async (_context, bus) => {
    await bus.publish('a.c', { n: 1 });
    await bus.publish('a.d', { n: 2 });
    expect(run.outbox).toHaveLength(2);
    expect(bench.sent).toEqual([]);
  });
  expect(await outcome()).toEqual({ kind: 'handled' });
  expect(bench.sent.map(({ subject }) => subject)).toEqual(['a.c', 'a.d']);
  expect(bench.sent[0]!.headers).toEqual({
    'x-hops': '3',
    'x-causation-id': 'e1',
    'x-correlation-id': 'e1',
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  });
});

test('the events that a failed handler published are not sent', async () => {
  const { outcome, bench } = setUp(async (_context, bus) => {
    await bus.publish('a.c', {});
    throw new Error('after all');
  });
  expect(await outcome()).toMatchObject({ kind: 'failed' });
  expect(bench.sent).toEqual([]);
});

test('when one published event cannot be stored, the others are still sent, and the run is retried uncharged', async () => {
  const { outcome, bench } = setUp(async (_context, bus) => {
    await bus.publish('a.c', {});
    await bus.publish('a.d', {});
  });
  const send = bench.handler.outgoing.send.bind(bench.handler.outgoing);
  bench.handler.outgoing.send = (event) =>
    event.subject === 'a.c' ? Promise.reject(new JetplugError('JP_PUBLISH_FAILED', 'no answer')) : send(event);
  expect(await outcome()).toMatchObject({ kind: 'unavailable', error: { message: 'no answer' } });
  expect(bench.sent.map(({ subject }) => subject)).toEqual(['a.d']);
});

test('a timeout ends a run: it aborts the run’s signal, and the events that the run published are not sent', async () => {
  let signal: AbortSignal | undefined;
  const { outcome, run, bench } = setUp(async (context, bus) => {
    ({ signal } = context);
    await bus.publish('a.c', {});
    await forever();
  });
  const ended = outcome();
  await turn();
  run.interrupt(timedOut(run));
  expect(await ended).toMatchObject({
    kind: 'timed-out',
    error: { code: 'JP_HANDLER_TIMEOUT', plugin: 'badge', line: 12 },
  });
  expect(signal!.aborted).toBe(true);
  expect(signal!.reason).toMatchObject({ code: 'JP_HANDLER_TIMEOUT' });
  expect(bench.sent).toEqual([]);
});

test('a run that the stopping host interrupts has its signal aborted', async () => {
  const { outcome, run } = setUp(() => forever());
  const ended = outcome();
  run.interrupt({ kind: 'released' });
  expect(await ended).toEqual({ kind: 'released' });
  expect(run.signal.reason).toMatchObject({ message: 'the host is stopping' });
});

test('a handler that returns after its run was interrupted sends nothing and settles nothing', async () => {
  let finish!: () => void;
  const { outcome, run, bench } = setUp(async (_context, bus) => {
    await bus.publish('a.c', {});
    await new Promise<void>((resolve) => (finish = resolve));
  });
  const ended = outcome();
  await turn();
  run.interrupt(timedOut(run));
  expect(await ended).toMatchObject({ kind: 'timed-out' });
  finish();
  await turn();
  expect(bench.sent).toEqual([]);
  expect(bench.log.lines).toEqual([]);
});

test('a handler’s failure after its run was interrupted is logged, and its rejection is handled', async () => {
  const { outcome, run, bench } = setUp(async (context) => {
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
    throw undefined as unknown as Error;
  });
  const ended = outcome();
  run.interrupt(timedOut(run));
  expect(await ended).toMatchObject({ kind: 'timed-out' });
  await turn();
  expect(bench.log.lines).toMatchObject([
    { level: 'warn', message: 'a handler failed after its run had ended', fields: { handler: 'award' } },
  ]);
  expect((bench.log.lines[0]!.fields['err'] as Error).message).toMatch(/threw undefined/);
});

/** The method that refused, by the head of its error's message. */
function refusedBy(result: PromiseSettledResult<unknown>): string | undefined {
  return result.status === 'rejected' ? (result.reason as Error).message.split(' ')[0] : 'nothing';
}

test.each(['handled', 'failed', 'timed-out'])(
  'after a run that ended as %s its store and bus refuse every call',
  async (kind) => {
    let late!: Promise<unknown>[];
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { outcome, run } = setUp((_context, bus, store) => {
      late = [
        gate.then(() => bus.publish('a.c', {})),
        gate.then(() => store.get('k')),
        gate.then(() => store.update('k', () => 1)),
        gate.then(() => store.delete('k')),
        gate.then(() => store.keys()),
        gate.then(() => store.scope<number>('other').get('k')),
      ];
      if (kind === 'failed') throw new Error('x');
      return kind === 'handled' ? undefined : forever();
    });
    const ended = outcome();
    run.interrupt(timedOut(run));
    expect(await ended).toMatchObject({ kind });
    release();
    const refusals = await Promise.allSettled(late);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        status: 'rejected',
        reason: { code: 'JP_RUN_OVER', plugin: 'badge', file: '/plugins/badge.plugin.ts', line: 12 },
      });
    }
    expect(refusals.map(refusedBy)).toEqual([
      'EventBus.publish',
      'Store.get',
      'Store.update',
      'Store.delete',
      'Store.keys',
      'Store.get',
    ]);
  },
);

test('an event that a handler publishes without awaiting it is sent as well', async () => {
  const { outcome, bench } = setUp((_context, bus) => {
    void bus.publish('a.c', {});
  });
  expect(await outcome()).toEqual({ kind: 'handled' });
  expect(bench.sent.map(({ subject }) => subject)).toEqual(['a.c']);
});

test('an event published without awaiting its asynchronous schema is refused after the run, with an error', async () => {
  const Slow = defineEvent(
    'a.c',
    z.object({}).refine(async () => Promise.resolve(true)),
  );
  let unawaited!: Promise<unknown>;
  const { outcome, bench } = setUp((_context, bus) => {
    unawaited = bus.publish(Slow, {});
  });
  expect(await outcome()).toEqual({ kind: 'handled' });
  await expect(unawaited).rejects.toMatchObject({ code: 'JP_RUN_OVER' });
  expect(bench.sent).toEqual([]);
});

test('the context describes the delivery, and each of its log lines has the delivery’s subject, sequence and attempt', async () => {
  const seen: unknown[] = [];
  const { outcome, bench } = setUp((context) => {
    const { attempt, subject, stream, sequence, time, headers } = context;
    seen.push({ attempt, subject, stream, sequence, time, headers });
    context.log.debug('d');
    context.log.info('i', { own: 1 });
    context.log.warn('w');
    context.log.error('e');
    seen.push(context.log === context.log, context.signal === context.signal, context.signal.aborted);
  });
  await outcome();
  expect(seen).toEqual([
    {
      attempt: 1,
      subject: 'video.watch_started',
      stream: 'EVENTS',
      sequence: 7,
      time: new Date('2026-05-12T12:00:00Z'),
      headers: { trace: 't1' },
    },
    true,
    true,
    false,
  ]);
  const coordinates = { handler: 'award', subject: 'video.watch_started', sequence: 7, attempt: 1 };
  expect(bench.log.lines).toEqual([
    { level: 'debug', message: 'd', fields: coordinates },
    { level: 'info', message: 'i', fields: { ...coordinates, own: 1 } },
    { level: 'warn', message: 'w', fields: coordinates },
    { level: 'error', message: 'e', fields: coordinates },
  ]);
});

test('a signal that is first read after the timeout is already aborted', async () => {
  const { outcome, run } = setUp(() => forever());
  const ended = outcome();
  run.interrupt(timedOut(run));
  await ended;
  expect(run.signal.aborted).toBe(true);
  expect(run.signal.reason).toMatchObject({ code: 'JP_HANDLER_TIMEOUT' });
});

test('asynchronous work that a handler starts belongs to that handler, also after its run', async () => {
  let owner: unknown;
  const { outcome, bench } = setUp(() => void setImmediate(() => (owner = currentOwner())));
  expect(outcome()).toEqual({ kind: 'handled' });
  await turn();
  expect(owner).toEqual({ plugin: bench.handler.plugin, handler: bench.handler.name });
});

test.each(Object.entries(HOSTILE_RESULTS))('%s ends the run once', async (_, make) => {
  const { outcome, ends, bench } = setUp(() => make());
  await outcome();
  await turn();
  expect(ends).toEqual([expect.stringMatching(/^(handled|failed)$/)]);
  expect(bench.log.lines).toEqual([]);
});

test.each<[string, () => unknown]>([
  ['a generator', () => (function* () {})()],
  ['a promise of an Observable', async () => Promise.resolve({ subscribe: () => undefined })],
  ['a function', () => () => undefined],
])('%s that is returned is a failure, and nothing is published', async (_, invoke) => {
  const { outcome, bench, run } = setUp((_context, bus) => {
    void bus.publish('a.c', {});
    return invoke();
  });
  expect(await outcome()).toMatchObject({ kind: 'failed', error: { code: 'JP_HANDLER_RETURNED_LAZY' } });
  expect(run.isOver).toBe(true);
  expect(bench.sent).toEqual([]);
});

test('a broker error that a handler kept from an earlier run and throws again counts as its own failure', async () => {
  const kept = new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
  expect(await setUp(() => Promise.reject(kept)).outcome()).toMatchObject({ kind: 'unavailable' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await setUp(() => Promise.reject(kept)).outcome()).toMatchObject({
    kind: 'failed',
    error: { message: 'no answer' },
  });
});

test('a run whose event another host commits meanwhile ends as settled before, and changes and sends nothing', async () => {
  const { outcome, bench } = setUp(async (_context, bus, store) => {
    await store.update('k', (n = 0) => n + 1);
    await bus.publish('a.c', {});
    bench.commits.commitElsewhere({ sequence: 7, writes: { other: '1' } });
    await turn();
  });
  expect(await outcome()).toEqual({ kind: 'settled-before' });
  expect(bench.sent).toEqual([]);
  const store = bench.store<number>();
  expect([await store.get('k'), await store.get('other')]).toEqual([undefined, 1]);
});

test.each([
  ['returns', undefined],
  ['throws', new Error('of mixed values')],
])('a run that %s after another host has changed a value that it has read must start again', async (_how, error) => {
  const { outcome, bench } = setUp(async (_context, _bus, store) => {
    await store.get('k');
    bench.commits.commitElsewhere({ writes: { k: '5' } });
    await turn();
    if (error) throw error;
  });
  expect(await outcome()).toEqual({ kind: 'conflict' });
});

test('the store changes of a run that throws are not committed', async () => {
  const { outcome, bench } = setUp(async (_context, _bus, store) => {
    await store.update('k', (n = 0) => n + 1);
    throw new Error('broken');
  });
  expect(await outcome()).toMatchObject({ kind: 'failed', error: { message: 'broken' } });
  expect(await bench.store<number>().get('k')).toBeUndefined();
  expect((await bench.commits.stored.bounds()).last).toBe(0);
});
