/** The intake of a handler that runs on one host at a time, when another host gets its events. */
import { Limiter } from '../../../../host/base/limiter';
import type { Handler } from '../../../../host/message/handler';
import { HostMemory } from '../../../../host/message/intake/host-memory';
import { Intake, type IntakeOptions } from '../../../../host/message/intake/intake';
import { VirtualTime } from '../../../../host/testing/virtual-time';
import { MessageBench, type FakeDelivery } from '../../../support/message-bench';

const RATE = { events: 100, perMs: 1_000 };
const turn = () => new Promise((resolve) => setImmediate(resolve));

function intakeOf(over: Partial<Handler> & { key?: string; rate?: typeof RATE }, options: Partial<IntakeOptions> = {}) {
  const time = new VirtualTime(0);
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const bench = new MessageBench((_event, { sequence }) => {
    started.push(sequence);
    return new Promise<void>((resolve) => finish.push(resolve));
  }, over);
  const onCapacity = jest.fn();
  const intake = new Intake(
    { concurrency: 4, ...over },
    {
      ...{ ackWaitMs: 15_000, prefetch: { least: 8, first: 8, most: 8 }, counters: bench.handler.counters },
      ...{ maxBuffered: 1_000, suspects: new Limiter(1), time, onCapacity, onFull: () => undefined },
      ...options,
    },
  );
  const offer = (sequence: number, deliveryCount = 1): FakeDelivery => {
    const delivery = bench.delivery({ user: 'a' }, { sequence, deliveryCount });
    intake.offer(delivery, bench.handler);
    return delivery;
  };
  return { bench, intake, time, started, finish, offer, onCapacity };
}

test('an event with a key that arrives while the lease of a rate has lapsed waits here, so that no later one overtakes it', async () => {
  const { intake, offer, started, finish, time } = intakeOf({ key: 'user', rate: RATE });
  intake.pace!.grant(4_000, false);
  while (time.step(4_100, true));
  const first = offer(1);
  expect([first.answers, started]).toEqual([[], []]);
  intake.pace!.grant(8_000, false);
  offer(2);
  expect(started).toEqual([1]);
  finish[0]!();
  for (let i = 0; i < 5; i++) await turn();
  expect(started).toEqual([1, 2]);
});

test('an event without a key that arrives while the lease of a rate has lapsed is left to other hosts', () => {
  const { offer } = intakeOf({ rate: RATE });
  expect(offer(1).answers).toEqual(['nak 500']);
});

test('an event does not begin if another host gets it while its earlier failures are read', async () => {
  const { intake, offer, started } = intakeOf({ key: 'user' });
  offer(1, 2);
  intake.drop();
  for (let i = 0; i < 10; i++) await turn();
  expect(started).toEqual([]);
});

test('a handler without a key asks for the next event when a run ends, although the memory of the host is full', async () => {
  const memory = new HostMemory(100);
  memory.add(1_000);
  const { intake, offer, finish, onCapacity } = intakeOf({}, { memory });
  offer(1);
  expect(intake.capacity).toBe(0);
  onCapacity.mockClear();
  finish[0]!();
  for (let i = 0; i < 5; i++) await turn();
  expect(intake.capacity).toBe(1);
  expect(onCapacity).toHaveBeenCalled();
});
