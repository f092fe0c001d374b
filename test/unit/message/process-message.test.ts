import { defineEvent, Reject, RetryLater, type Envelope, type EventContext } from 'jetplug/sdk';
import { z } from 'zod';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import { KvStore } from '../../../host/effects/kv-store';
import { systemClock } from '../../../host/clock';
import { processMessage } from '../../../host/message/process-message';
import type { Run } from '../../../host/message/run';
import { JetplugError } from '../../../sdk/internal';
import type { Handler } from '../../../host/message/handler';
import { MemoryKeyValue } from '../../support/memory-key-value';
import { MessageBench, type Given } from '../../support/message-bench';

class VideoWatchStarted extends defineEvent('video.watch_started', z.object({ user_id: z.string().min(1) })) {}

type Invoke = (
  event: VideoWatchStarted,
  context: EventContext,
  parts: { store: KvStore<number>; bus: JetStreamEventBus },
) => unknown;

/** A handler of VideoWatchStarted with a store and a bus, all in memory. */
function setUp(invoke: Invoke, over: Partial<Handler> = {}) {
  const store = new KvStore<number>(new MemoryKeyValue());
  const runs = new Set<Run>();
  const seen: Envelope[] = [];
  const bench: MessageBench = new MessageBench(
    (event, context) => {
      seen.push(event);
      return invoke(event as VideoWatchStarted, context, { store, bus });
    },
    { contract: VideoWatchStarted, ...over },
  );
  const bus = new JetStreamEventBus(bench.handler.outgoing, systemClock);
  const registry = { add: (run: Run) => runs.add(run), remove: (run: Run) => runs.delete(run) };
  const process = (payload: unknown, given?: Given) => {
    const delivery = bench.delivery(payload, given);
    return { delivery, settled: processMessage(bench.handler, delivery, registry) };
  };
  return { bench, store, runs, seen, process };
}

const WATCH = { user_id: 'u1' };

test('an event published by hand is validated, handled and acknowledged, all in one go', () => {
  const { process, seen, bench } = setUp(() => undefined);
  const { delivery, settled } = process(WATCH, { stream: 'EVENTS', sequence: 9 });
  expect(settled).toBeUndefined();
  expect(delivery.answers).toEqual(['ack']);
  expect(seen).toEqual([
    { event_type: 'video.watch_started', event_id: 'EVENTS:9', timestamp: '2026-05-12T12:00:00.000Z', user_id: 'u1' },
  ]);
  expect(seen[0]).toBeInstanceOf(VideoWatchStarted);
  expect(bench.handler.counters.durations.reduce((sum, n) => sum + n)).toBe(1);
});

test('effects come before the ack: the store is updated, then what was published is sent, then it is acknowledged', async () => {
  const { process, store, bench } = setUp(async ({ user_id }, _context, { store, bus }) => {
    await bus.publish('badge.awarded', { user_id });
    await store.update(user_id, (n = 0) => n + 1);
    bench.journal.push('updated');
  });
  await process(WATCH).settled;
  expect(await store.get('u1')).toBe(1);
  expect(bench.journal).toEqual(['updated', 'send badge.awarded', 'ack']);
});

test('run again on the same message, a handler publishes under the same ids', async () => {
  const { process, bench } = setUp(async ({ user_id }, _context, { bus }) => {
    await Promise.all([
      bus.publish('a.b', { user_id }),
      bus.publish('a.b', { user_id }),
      bus.publish('a.c', { user_id }),
    ]);
  });
  await process(WATCH).settled;
  await process(WATCH, { deliveryCount: 2 }).settled;
  const ids = bench.sent.map(({ id }) => id);
  expect(ids.slice(3)).toEqual(ids.slice(0, 3));
  expect(new Set(ids).size).toBe(3);
});

test.each<[string, unknown, string]>([
  ['bytes that are not JSON', 'not json', 'invalid-json'],
  ['an event of another type', { ...WATCH, event_type: 'video.published' }, 'invalid-envelope'],
  ['a field that is missing', {}, 'schema'],
  ['a prototype key', '{"__proto__":{"user_id":"u1"}}', 'invalid-envelope'],
])(
  '%s never reach the handler: they are dead-lettered, and the next event is handled',
  async (_what, payload, reason) => {
    const { process, bench, seen, runs } = setUp(() => undefined);
    const { delivery, settled } = process(payload);
    await settled;
    expect(delivery.answers).toEqual([`term ${reason}`]);
    expect(bench.letters).toMatchObject([{ headers: { 'x-dead-letter-reason': reason, 'x-attempts': '0' } }]);
    expect(seen).toEqual([]);
    await process(WATCH).settled;
    expect(seen).toHaveLength(1);
    expect(runs.size).toBe(0);
  },
);

test('a handler that always fails is tried as often as it may, then its event is dead-lettered', async () => {
  const attempts: number[] = [];
  const { process, bench, runs } = setUp(async (_event, { attempt }) => {
    attempts.push(attempt);
    await Promise.reject(new Error(`broken ${attempt}`));
  });
  for (let deliveryCount = 1; deliveryCount <= 3; deliveryCount++) await process(WATCH, { deliveryCount }).settled;
  expect(attempts).toEqual([1, 2, 3]);
  expect(bench.journal).toEqual([
    'record 1',
    expect.stringMatching(/^nak (8|9|10|11|12)\d\d$/),
    'record 2',
    expect.stringMatching(/^nak [456]\d\d\d$/),
    'letter attempts-exhausted',
    'term attempts-exhausted',
    'forget',
  ]);
  expect(bench.letters).toMatchObject([
    { headers: { 'x-attempts': '3', 'x-error-message': 'broken 3', 'x-delivery-count': '3' } },
  ]);
  expect(bench.failures.size).toBe(0);
  expect(runs.size).toBe(0);
});

test('deliveries that were no failures cost no attempt', async () => {
  const { process, bench } = setUp(() => Promise.reject(new Error('broken')));
  await process(WATCH, { deliveryCount: 40 }).settled;
  expect(bench.journal[0]).toBe('record 1');
});

test('RetryLater costs no attempt, however often', async () => {
  const { process, bench } = setUp(() => Promise.reject(new RetryLater('1m')));
  for (let deliveryCount = 1; deliveryCount <= 10; deliveryCount++) await process(WATCH, { deliveryCount }).settled;
  expect(bench.journal).toEqual(Array.from({ length: 10 }, () => 'nak 60000'));
});

test('Reject dead-letters at the first attempt', async () => {
  const { process, bench } = setUp(() => {
    throw new Reject('a negative amount');
  });
  await process(WATCH).settled;
  expect(bench.journal).toEqual(['letter rejected', 'term rejected']);
  expect(bench.letters[0]!.headers['x-error-message']).toBe('a negative amount');
});

test('a stream that does not take what was published brings the event again, uncharged, and then all is sent', async () => {
  const { process, bench } = setUp(async (_event, _context, { bus }) => {
    await bus.publish('a.b', {});
  });
  bench.fail('send', new JetplugError('JP_PUBLISH_FAILED', 'no answer'));
  await process(WATCH).settled;
  expect(bench.journal).toEqual([expect.stringMatching(/^nak/)]);
  bench.mend('send');
  await process(WATCH, { deliveryCount: 2 }).settled;
  expect(bench.journal.slice(1)).toEqual(['send a.b', 'ack', 'forget']);
});

test('a message whose failures cannot be read is not begun', async () => {
  const { process, bench, seen } = setUp(() => undefined);
  bench.fail('failures', new Error('no answer'));
  await expect(process(WATCH, { deliveryCount: 2 }).settled).rejects.toThrow('no answer');
  expect(seen).toEqual([]);
});

test('a first delivery reads no record: the broker is asked only where there can be one', async () => {
  const { process, seen, bench } = setUp(() => undefined);
  bench.fail('failures');
  await process(WATCH).settled;
  expect(seen).toHaveLength(1);
});

test('a handler on a raw subject gets any object', () => {
  const bench = new MessageBench((event) => seen.push(event));
  const seen: Envelope[] = [];
  void processMessage(bench.handler, bench.delivery({ any: [1] }, { subject: 'x.y' }), {
    add: () => undefined,
    remove: () => undefined,
  });
  expect(seen).toMatchObject([{ event_type: 'x.y', any: [1] }]);
});

test('handlers that run at once each have their own run: ids and outboxes are not mixed up', async () => {
  const { process, bench } = setUp(
    async ({ user_id }, _context, { bus }) => {
      await new Promise((resolve) => setImmediate(resolve));
      await bus.publish('a.b', { user_id });
      await new Promise((resolve) => setImmediate(resolve));
      if (user_id === 'bad') throw new Error('broken');
    },
    { concurrency: 8 },
  );
  await Promise.all(['u1', 'bad', 'u2'].map(async (user_id, i) => process({ user_id }, { sequence: i + 1 }).settled));
  expect(bench.sent.map(({ payload }) => (JSON.parse(payload) as { user_id: string }).user_id)).toEqual(['u1', 'u2']);
  expect(new Set(bench.sent.map(({ id }) => id)).size).toBe(2);
});
