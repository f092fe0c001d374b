import { Intake } from '../../../../host/message/intake/intake';
import { Limiter } from '../../../../host/base/limiter';
import { MessageBench } from '../../../support/message-bench';

/** An intake whose runs end when the test says so; messages above 100 are suspects. */
function setUp(suspects: Limiter) {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  const bench = new MessageBench(
    (_event, { sequence }) => {
      begun.push(sequence);
      return new Promise<void>((resolve) => ends.set(sequence, resolve));
    },
    { concurrency: 3 },
  );
  const options = {
    ackWaitMs: 15_000,
    prefetch: { least: 8, first: 8, most: 8 },
    counters: bench.handler.counters,
    maxBuffered: Infinity,
    suspects,
    onCapacity: () => undefined,
    onFull: () => undefined,
  };
  const intake = new Intake(bench.handler, options);
  const offer = (sequence: number) => {
    if (sequence > 100) bench.failures.set(sequence, { charged: 0, provisional: 0, outages: 0, deaths: 3 });
    const delivery = bench.delivery({}, { sequence, deliveryCount: sequence > 100 ? 5 : 1 });
    intake.offer(delivery, bench.handler);
    return delivery;
  };
  /** The record of this message can be read only after a call of the returned function. */
  const readSlowly = (sequence: number): (() => void) => {
    let read = (): void => undefined;
    const reading = new Promise<void>((resolve) => (read = resolve));
    const log = bench.handler.attempts;
    const readNow = log.read.bind(log);
    log.read = async (message) => {
      if (message.sequence === sequence) await reading;
      return readNow(message);
    };
    return read;
  };
  const end = async (sequence: number): Promise<void> => {
    ends.get(sequence)!();
    await turns();
  };
  return { begun, intake, offer, end, readSlowly };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('a suspect waits until nothing else of its handler runs, and while it runs nothing else begins', async () => {
  const { begun, offer, end } = setUp(new Limiter(1));
  for (const sequence of [1, 2, 101, 3, 4]) offer(sequence);
  await turns();
  expect(begun).toEqual([1, 2]);
  await end(1);
  expect(begun).toEqual([1, 2]);
  await end(2);
  expect(begun).toEqual([1, 2, 101]);
  await end(101);
  expect(begun).toEqual([1, 2, 101, 3, 4]);
});

test('suspects run one by one, in one handler and across all handlers of the host', async () => {
  const suspects = new Limiter(1);
  const [one, other] = [setUp(suspects), setUp(suspects)];
  one.offer(101);
  one.offer(102);
  other.offer(103);
  await turns();
  expect([one.begun, other.begun]).toEqual([[101], []]);
  // The other handler still runs its normal events.
  other.offer(1);
  expect(other.begun).toEqual([1]);
  await one.end(101);
  expect([one.begun, other.begun]).toEqual([[101, 102], [1]]);
  await one.end(102);
  expect(other.begun).toEqual([1]);
  await other.end(1);
  expect(other.begun).toEqual([1, 103]);
  await other.end(103);
});

test('a suspect that waits for another message of its handler runs when that message is found to be a suspect too', async () => {
  const { begun, intake, offer, end, readSlowly } = setUp(new Limiter(1));
  const read = readSlowly(102);
  offer(102);
  offer(101);
  await turns();
  expect(begun).toEqual([]);
  read();
  await turns();
  expect(begun).toEqual([101]);
  await end(101);
  expect(begun).toEqual([101, 102]);
  await end(102);
  expect(intake.running).toBe(0);
});

test('a stop nacks the waiting suspects, and does not wait for a suspect of another handler', async () => {
  const suspects = new Limiter(1);
  const [one, other] = [setUp(suspects), setUp(suspects)];
  one.offer(101);
  await turns();
  const waits = [other.offer(102), other.offer(103)];
  await turns();
  await other.intake.stop(1_000);
  expect(waits.map(({ answers }) => answers)).toEqual([['nak'], ['nak']]);
  expect(other.begun).toEqual([]);
  // The stopped handler has left the queue of suspects, so the next suspect runs.
  await one.end(101);
  one.offer(104);
  await turns();
  expect(one.begun).toEqual([101, 104]);
  await one.end(104);
});

test('a stop nacks a suspect that waits for other messages of its handler', async () => {
  const { begun, intake, offer, end } = setUp(new Limiter(1));
  offer(1);
  const suspect = offer(101);
  await turns();
  const stopped = intake.stop(1_000);
  await turns();
  expect(suspect.answers).toEqual(['nak']);
  await end(1);
  await stopped;
  expect(begun).toEqual([1]);
});
