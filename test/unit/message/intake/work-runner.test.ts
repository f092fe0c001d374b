import type { Delivery } from '../../../../host/broker/delivery';
import type { Handler } from '../../../../host/message/handler';
import { Limiter } from '../../../../host/base/limiter';
import { BufferedDelivery } from '../../../../host/message/intake/buffered-delivery';
import { ConcurrencyLimit } from '../../../../host/message/intake/concurrency-limit';
import { DeliveryBuffer } from '../../../../host/message/intake/delivery-buffer';
import { WorkRunner } from '../../../../host/message/intake/work-runner';
import { MessageBench, type FakeDelivery } from '../../../support/message-bench';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A runner of a handler. `events` has the runner's calls, with the number of permits taken at that time. */
function running(invoke?: ConstructorParameters<typeof MessageBench>[0], over: Partial<Handler> = {}) {
  const bench = new MessageBench(invoke, over);
  const { handler } = bench;
  const events: string[] = [];
  const permits = new ConcurrencyLimit(2, new Limiter(1), () => undefined);
  const buffer = new DeliveryBuffer();
  const note = (event: string) => void events.push(`${event}, ${permits.running} running`);
  const runner = new WorkRunner(permits, bench.registry, buffer, {
    left: ({ delivery }) => note(`left ${delivery.sequence}`),
    ended: () => note('ended'),
    freed: () => note('freed'),
  });
  /** Buffers deliveries of these sequences, as the intake does before it runs them. */
  const buffered = (...sequences: number[]): BufferedDelivery[] =>
    sequences.map((sequence) => {
      const one = new BufferedDelivery(bench.delivery({}, { sequence }), handler);
      buffer.add(one);
      return one;
    });
  return { bench, handler, runner, permits, buffer, events, buffered };
}

/** A handler's body that returns when the test ends it. */
function pending() {
  const ends: (() => void)[] = [];
  const invoke = () => new Promise<void>((resolve) => void ends.push(resolve));
  return { invoke, end: () => ends.shift()?.() };
}

/** A handler whose failures on record cannot be read, so that its deliveries are not settled. */
const UNREADABLE = { deliveryCount: 2 };

const answersOf = ({ delivery }: BufferedDelivery): string[] => (delivery as FakeDelivery).answers;

test('a delivery that is settled at once is never buffered, and only its permit is freed', () => {
  const { bench, handler, runner, permits, buffer, events } = running();
  const delivery = bench.delivery();
  const added = jest.spyOn(buffer, 'add');
  runner.runUnbuffered(delivery, handler);
  expect([delivery.answers, permits.running]).toEqual([['ack'], 0]);
  expect([added.mock.calls, events]).toEqual([[], []]);
});

test('an unbuffered delivery that takes longer is buffered until it is settled', async () => {
  const { invoke, end } = pending();
  const { bench, handler, runner, permits, buffer, events } = running(invoke);
  const delivery = bench.delivery();
  runner.runUnbuffered(delivery, handler);
  expect([buffer.size, permits.running, events]).toEqual([1, 1, []]);
  end();
  await turn();
  expect([delivery.answers, buffer.size]).toEqual([['ack'], 0]);
  expect(events).toEqual(['left 7, 1 running', 'ended, 0 running', 'freed, 0 running']);
});

test('work that ends at once needs no call of freed', () => {
  const { runner, buffer, buffered, events } = running();
  const [one] = buffered(1);
  runner.run(one!);
  expect([answersOf(one!), buffer.size]).toEqual([['ack'], 0]);
  expect(events).toEqual(['left 1, 1 running', 'ended, 0 running']);
});

test('a batch takes one permit; each of its deliveries leaves', async () => {
  const { invoke, end } = pending();
  const { runner, permits, buffer, buffered, events } = running(invoke, { batch: { size: 2, waitMs: 0 } });
  const batch = buffered(1, 2);
  runner.run(batch);
  expect([permits.running, buffer.size]).toEqual([1, 2]);
  end();
  await turn();
  expect([batch.map(answersOf), buffer.size]).toEqual([[['ack'], ['ack']], 0]);
  expect(events).toEqual(['left 1, 1 running', 'left 2, 1 running', 'ended, 0 running', 'freed, 0 running']);
});

test('an unsettled delivery whose work has ended stays buffered', async () => {
  const { bench, handler, runner, buffer, events } = running();
  const delivery = bench.delivery({}, UNREADABLE);
  Object.assign(delivery, { nak: () => undefined });
  bench.fail('failures');
  runner.runUnbuffered(delivery, handler);
  await turn();
  expect([buffer.size, events]).toEqual([1, ['ended, 0 running', 'freed, 0 running']]);
});

test('a failure of the host nacks the delivery for five seconds and is logged', async () => {
  const { bench, handler, runner, permits, buffer } = running();
  bench.fail('failures', new Error('no server'));
  const delivery = bench.delivery({}, UNREADABLE);
  runner.runUnbuffered(delivery, handler);
  await turn();
  expect([delivery.answers, permits.running, buffer.size]).toEqual([['nak 5000'], 0, 0]);
  expect(bench.log.lines).toMatchObject([
    {
      level: 'error',
      message: 'event could not be processed; it is tried again',
      fields: { handler: 'award', subject: 'video.watch_started', sequence: 7, err: new Error('no server') },
    },
  ]);
});

test('a failure of the host that hits many deliveries is logged once, and nacks all of them', () => {
  const { bench, runner, buffered, handler } = running();
  jest.spyOn(handler.settlements, 'has').mockImplementation(() => {
    throw new Error('broken');
  });
  const all = buffered(1, 2, 3);
  for (const one of all) runner.run(one);
  expect(all.map(answersOf)).toEqual([['nak 5000'], ['nak 5000'], ['nak 5000']]);
  expect(bench.log.lines).toHaveLength(1);
});

test.each<[way: string, run: (runner: WorkRunner, one: BufferedDelivery) => void, expected: string[]]>([
  ['unbuffered', (runner, { delivery, handler }) => runner.runUnbuffered(delivery, handler), []],
  ['buffered', (runner, one) => runner.run(one), ['left 1, 1 running', 'ended, 0 running']],
])('a failure of the host that is thrown at once frees the permit: %s', (_way, run, expected) => {
  const { runner, permits, buffered, events, handler } = running();
  const [one] = buffered(1);
  jest.spyOn(handler.settlements, 'has').mockImplementation(() => {
    throw new Error('broken');
  });
  run(runner, one!);
  expect([answersOf(one!), permits.running, events]).toEqual([['nak 5000'], 0, expected]);
});

test('a failure after the settlement neither nacks nor is logged', () => {
  const { bench, handler, runner, permits } = running();
  const delivery: Delivery = bench.delivery();
  jest.spyOn(handler.counters.durations, 'observe').mockImplementation(() => {
    delivery.ack();
    throw new Error('broken');
  });
  runner.runUnbuffered(delivery, handler);
  expect([(delivery as FakeDelivery).answers, bench.log.lines, permits.running]).toEqual([['ack'], [], 0]);
});

test('after a swap, new and buffered deliveries run on the new version', () => {
  const calls: string[] = [];
  const { bench, handler, runner, permits, buffered } = running(() => calls.push('old'));
  const renewed = { ...handler, invoke: () => calls.push('new') };
  const [before] = buffered(1);
  runner.run(buffered(2)[0]!);
  void runner.swap(5, () => renewed);
  runner.run(before!);
  runner.runUnbuffered(bench.delivery(), handler);
  runner.run(buffered(3, 4));
  expect(calls).toEqual(['old', 'new', 'new', 'new']);
  expect(before!.handler).toBe(renewed);
  expect(permits.isFree).toBe(true);
});

test('a swap resolves when the last run of the old version has ended, and sets the concurrency at once', async () => {
  const { invoke, end } = pending();
  const { bench, handler, runner, permits } = running(invoke);
  runner.runUnbuffered(bench.delivery(), handler);
  let swapped = false;
  const swap = runner.swap(1, (current) => current).then(() => (swapped = true));
  expect(permits.isFree).toBe(false);
  await turn();
  expect(swapped).toBe(false);
  end();
  await swap;
  expect(permits.isFree).toBe(true);
});
