import type { Delivery } from '../../../host/broker/delivery';
import type { DurableLook, DurablePosition, DurableWatcher } from '../../../host/broker/durable';
import type { PullSink } from '../../../host/broker/pull';
import type { Handler } from '../../../host/message/handler';
import type { Intake } from '../../../host/message/intake/intake';
import { DurableFeed, type DurableFeedOptions } from '../../../host/plugin/durable-feed';
import { openSettlements } from '../../../host/plugin/reconcile';
import { JetplugError } from '../../../sdk/internal';
import { memoryHost, settle } from '../../support/memory-host';
import { DURABLE } from '../../support/durable-spec';

/** A feed with a fake pull. `pulled` has the calls of the pull, `offered` the deliveries that reach the intake. */
async function feeding(options: Partial<DurableFeedOptions> = {}, position: Partial<DurablePosition> = {}) {
  const base = memoryHost();
  const { host, broker } = base;
  const pulled: string[] = [];
  let sink!: PullSink;
  let look!: DurableWatcher;
  const note = (call: string) => (): void => void pulled.push(call);
  jest.spyOn(broker, 'pull').mockImplementation((_stream, _durable, given) => {
    sink = given;
    const calls = ['request', 'pause', 'probe', 'resume', 'suspend', 'renew', 'nudge', 'found', 'disown'];
    return {
      ...Object.fromEntries(calls.map((call) => [call, note(call)])),
      start: ({ suspended = false } = {}) => pulled.push(suspended ? 'start suspended' : 'start'),
      stop: async () => void pulled.push('stop'),
    } as never;
  });
  jest.spyOn(broker, 'watchDurable').mockImplementation(((_spec: unknown, watcher: DurableWatcher) => {
    look = watcher;
    return note('unwatch');
  }) as never);
  const ensureDurable = broker.ensureDurable.bind(broker);
  const ensured = jest.spyOn(broker, 'ensureDurable');
  ensured.mockImplementation(async (spec) => ({ ...(await ensureDurable(spec)), ...position }));
  const offered: number[] = [];
  const arrivals: string[] = [];
  const intake = {
    capacity: 5,
    bufferedOf: () => offered.length,
    stateOf: ({ sequence }: Delivery) => (offered.includes(sequence) ? 'queued' : undefined),
    offer: ({ sequence }: Delivery) => offered.push(sequence),
    collectArrivals: () => arrivals.push('collect'),
    queueCollected: () => arrivals.push('queue'),
    releaseQueued: () => arrivals.push('release'),
  } as unknown as Intake;
  const settlements = await openSettlements(DURABLE, host);
  await ensureDurable(DURABLE);
  const feed = new DurableFeed(
    {
      durable: DURABLE,
      settlements,
      keepsOrder: false,
      handlerFor: (current) => ({ name: 'award', settlements: current }) as Handler,
      openSettlements: () => openSettlements(DURABLE, host),
      accept: (delivery) => delivery,
      ...options,
    },
    intake,
    host,
    base.log,
  );
  const beforeStart = [...pulled];
  feed.start();
  const checked = (state: Partial<DurableLook>): void =>
    look({
      pending: 0,
      inFlight: 0,
      pulls: 0,
      needs: 'nothing',
      corrections: [],
      drift: [],
      checkpoint: { created: '', delivered: 0, ackFloor: 0, isComplete: true },
      ...state,
    });
  jest.spyOn(settlements, 'confirm').mockReturnValue(true);
  return { ...base, feed, sink, checked, pulled, offered, arrivals, ensured, settlements, beforeStart };
}

function delivery(sequence: number, subject = 'video.a', deliveryCount = 1) {
  const answers: string[] = [];
  const given = {
    ...{ stream: 'EVENTS', sequence, storedAtMs: 0, subject, size: 1, deliveryCount, consumerSequence: sequence },
    header: () => undefined,
    nak: (delayMs?: number) => answers.push(`nak ${delayMs}`),
    term: (reason: string) => answers.push(`term: ${reason}`),
  } as unknown as Delivery;
  return { given, answers };
}

const refusal = new JetplugError('JP_CONSUMER_FOREIGN', 'it is another deployment’s');

test('the constructor starts nothing; the start pulls', async () => {
  const { beforeStart, pulled } = await feeding();
  expect([beforeStart, pulled]).toEqual([[], ['start']]);
});

test('deliveries that the feed’s owner accepts reach the intake', async () => {
  const { sink, offered } = await feeding({ accept: (given) => (given.sequence === 2 ? undefined : given) });
  for (const sequence of [1, 2, 3]) sink.deliver(delivery(sequence).given, false);
  expect([offered, sink.capacity()]).toEqual([[1, 3], 5]);
});

test('a durable that is gone is created again, and then pulled from', async () => {
  const { feed, sink, pulled, ensured, messages } = await feeding();
  sink.gone('deleted');
  expect(feed.isMissing).toBe(true);
  await settle();
  expect([feed.isMissing, pulled, ensured.mock.calls.length]).toEqual([false, ['start', 'found'], 1]);
  expect(messages('warn')).toEqual(['the durable consumer is gone; making it again']);
});

test('after a reconnect the durable counts as missing until it was checked', async () => {
  const { feed, sink, pulled } = await feeding();
  sink.returned();
  expect(feed.isMissing).toBe(true);
  await settle();
  expect([feed.isMissing, pulled]).toEqual([false, ['start', 'found']]);
});

test('a durable that cannot be created yet is tried again each second', async () => {
  const { feed, sink, ensured, time, until, messages } = await feeding();
  ensured.mockRejectedValueOnce(new Error('TIMEOUT')).mockRejectedValueOnce(new Error('TIMEOUT'));
  sink.gone('deleted');
  await until(() => !feed.isMissing);
  expect([time.nowMs(), ensured.mock.calls.length]).toEqual([2_000, 3]);
  expect(messages('warn').slice(1)).toEqual(['the durable consumer cannot be made yet']);
});

test('a durable that must not be used is not pulled and tried again every two seconds; what has not begun is released once', async () => {
  const { feed, checked, ensured, time, until, pulled, arrivals } = await feeding();
  ensured.mockRejectedValueOnce(refusal);
  checked({ needs: 'correction', corrections: ['max_batch: 5 → 0'] });
  await settle();
  expect([feed.isMissing, feed.condition.reason, pulled]).toEqual([true, refusal.message, ['start', 'suspend']]);
  await until(() => !feed.isMissing);
  expect([time.nowMs(), feed.condition.reason, pulled.at(-1)]).toEqual([2_000, undefined, 'found']);
  expect(arrivals).toEqual(['release']);
});

test('corrected settings renew the requests that wait; corrections that the server does not make are not repeated', async () => {
  const { checked, pulled, ensured } = await feeding({}, { limited: ['max_batch: 5 → 0'] });
  for (let i = 0; i < 3; i++) {
    checked({ needs: 'correction', corrections: ['max_batch: 5 → 0'] });
    await settle();
  }
  expect([pulled, ensured.mock.calls.length]).toEqual([['start', 'renew'], 1]);
});

test.each<[what: string, looks: Partial<DurableLook>[], expected: string[]]>([
  ['a pause that ends renews the requests', [{ pausedUntil: new Date() }, {}], ['renew']],
  ['events that wait for delivery nudge the pull', [{ pending: 3, inFlight: 9 }], ['nudge']],
  ['a durable with all it may deliver in flight is left alone', [{ pending: 3, inFlight: 10 }], []],
])('%s', async (_what, looks, expected) => {
  const { checked, pulled } = await feeding();
  for (const look of looks) checked(look);
  expect(pulled.slice(1)).toEqual(expected);
});

test('a delivery on another subject is nacked and the durable corrected; its redelivery is skipped', async () => {
  const { sink, pulled, offered, settlements, messages } = await feeding();
  const first = delivery(1, 'user.a');
  sink.deliver(first.given, false);
  await settle();
  expect([first.answers, pulled]).toEqual([['nak 2000'], ['start', 'suspend', 'found']]);
  const second = delivery(1, 'user.a', 2);
  sink.deliver(second.given, false);
  expect([second.answers, offered]).toEqual([['term: the handler does not subscribe to it'], []]);
  expect([settlements.has(1), messages('info')]).toEqual([
    true,
    ['skipped an event that the handler does not subscribe to'],
  ]);
});

test('the handler gets every event of a recreated stream', async () => {
  const { sink, broker, settlements, pulled, messages } = await feeding();
  settlements.settle(1);
  jest.spyOn(broker, 'streamCreated').mockResolvedValue('2027-01-01T00:00:00Z');
  sink.gone('no stream');
  await settle();
  expect(pulled).toEqual(['start', 'disown', 'found']);
  expect(messages('warn').at(-1)).toBe('the stream was made again; its events are taken from its beginning');
});

test('with a key it checks the durable before it pulls, and waits for events that are in flight', async () => {
  const { feed, sink, pulled, arrivals } = await feeding({ keepsOrder: true }, { inFlight: 2 });
  expect([pulled, feed.isMissing]).toEqual([['start suspended'], false]);
  await settle();
  expect([pulled, arrivals, feed.isWaitingForRedeliveries]).toEqual([['start suspended', 'found'], ['collect'], true]);
  expect(sink.capacity()).toBe(2);
  for (const sequence of [1, 2]) sink.deliver(delivery(sequence, 'video.a', 2).given, false);
  expect([arrivals, feed.isWaitingForRedeliveries]).toEqual([['collect', 'queue'], false]);
});

test('with a key, an event that arrives before the durable is checked again is left, because older ones may be lost', async () => {
  const { sink, offered, pulled } = await feeding({ keepsOrder: true });
  await settle();
  sink.returned();
  expect(pulled).toEqual(['start suspended', 'found', 'suspend']);
  const early = delivery(7);
  sink.deliver(early.given, false);
  expect([early.answers, offered]).toEqual([['nak 2000'], []]);
  await settle();
  sink.deliver(delivery(6).given, false);
  expect(offered).toEqual([6]);
});

test('a connection that is lost during the wait begins another one; the events that have arrived still wait', async () => {
  const { feed, sink, arrivals } = await feeding({ keepsOrder: true }, { inFlight: 3 });
  await settle();
  sink.deliver(delivery(3, 'video.a', 2).given, false);
  sink.returned();
  await settle();
  expect([arrivals, feed.isWaitingForRedeliveries]).toEqual([['collect', 'collect'], true]);
  for (const sequence of [1, 2, 3]) sink.deliver(delivery(sequence, 'video.a', 3).given, false);
  expect([arrivals, feed.isWaitingForRedeliveries]).toEqual([['collect', 'collect', 'queue'], false]);
});

test('a stop ends the tries to create the durable', async () => {
  const { feed, sink, ensured, pulled, time } = await feeding();
  ensured.mockRejectedValue(new Error('TIMEOUT'));
  sink.gone('deleted');
  await settle();
  await feed.stop();
  while (time.step(Infinity, false)) await settle();
  expect([ensured.mock.calls.length, pulled]).toEqual([1, ['start', 'unwatch', 'stop']]);
});
