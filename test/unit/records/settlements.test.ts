import { machineTime } from '../../../host/base/time';
import fc from 'fast-check';
import { Settlements, type SettlementsOptions } from '../../../host/records/settlements';
import { MemoryKeyValue } from '../../support/memory-key-value';

const CREATED = '2026-05-12T12:00:00Z';
/** A durable that lets every event of its handler through. */
const CHECKPOINT = { created: '2026-05-13T12:00:00Z', delivered: 0, ackFloor: 0, isComplete: true };

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

/** A host's settlements of a handler. */
function open(records: MemoryKeyValue, over: Partial<SettlementsOptions> = {}): Promise<Settlements> {
  return Settlements.open({
    records,
    durable: 'badge-award',
    stream: 'EVENTS',
    streamCreated: CREATED,
    hasWildcards: false,
    time: machineTime,
    checkpoint: () => Promise.reject(new Error('not asked for')),
    failed: (error) => {
      throw error;
    },
    ...over,
  });
}

const recordOf = (records: MemoryKeyValue): unknown => JSON.parse(records.entries.get('settled.badge-award')!.value!);

test('settlements that are read from other hosts are ahead of the log until the log is read after them', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  expect(host.commitReads.areLate).toBe(true);
  await host.commitReads.catchUp(async () => undefined);
  expect(host.commitReads.areLate).toBe(false);
  await host.commitReads.catchUp(() => host.refresh());
  expect(host.commitReads.areLate).toBe(true);
  await expect(host.commitReads.catchUp(() => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
  expect(host.commitReads.areLate).toBe(true);
  await host.commitReads.catchUp(async () => undefined);
  expect(host.commitReads.areLate).toBe(false);
});

test('a settled event is known at once, stored soon, and known to the next host', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  expect([host.knowsPosition, host.floor]).toEqual([false, 0]);
  for (const sequence of [1, 2, 5]) host.settle(sequence);
  expect([1, 2, 3, 5].map((sequence) => [host.has(sequence), host.isStored(sequence)])).toEqual([
    [true, false],
    [true, false],
    [false, false],
    [true, false],
  ]);
  await jest.advanceTimersByTimeAsync(50);
  expect(recordOf(records)).toEqual({
    format: 1,
    stream: 'EVENTS',
    created: CREATED,
    ranges: [
      [1, 2],
      [5, 5],
    ],
  });
  expect([1, 2, 3, 5].map((sequence) => host.isStored(sequence))).toEqual([true, true, false, true]);
  const next = await open(records);
  expect([next.knowsPosition, next.floor, next.has(5), next.has(3)]).toEqual([true, 2, true, false]);
});

test('events that settle together are written together', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  for (let sequence = 1; sequence <= 1_000; sequence++) host.settle(sequence);
  await jest.advanceTimersByTimeAsync(60_000);
  expect(records.calls.put).toBe(1);
  expect(recordOf(records)).toMatchObject({ ranges: [[1, 1_000]] });
});

test('a store that the server refuses rejects, and is written later', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records, { failed: () => undefined });
  host.noteSettled(1, 1);
  records.failNext = new Error('refused');
  await expect(host.store()).rejects.toMatchObject({ code: 'JP_STORE_UNAVAILABLE' });
  await jest.advanceTimersByTimeAsync(1_000);
  expect(recordOf(records)).toMatchObject({ ranges: [[1, 1]] });
});

test('the writes of two hosts at a time lose no settlement of either', async () => {
  const records = new MemoryKeyValue();
  const [a, b] = [await open(records), await open(records)];
  a.settle(1);
  await a.flush();
  b.settle(2);
  b.settle(9);
  await b.flush();
  expect(recordOf(records)).toMatchObject({
    ranges: [
      [1, 2],
      [9, 9],
    ],
  });
  expect([b.has(1), b.isStored(1), a.has(2)]).toEqual([true, true, false]);
  await a.refresh();
  expect([a.has(2), a.isStored(9)]).toEqual([true, true]);
});

test('a host that still has the old stream does not overwrite the record of the new one', async () => {
  const records = new MemoryKeyValue();
  const [old, renewed] = [await open(records), await open(records, { streamCreated: '2026-06-01T00:00:00Z' })];
  renewed.settle(1);
  await renewed.flush();
  old.settle(7);
  await old.flush();
  expect(recordOf(records)).toMatchObject({ created: '2026-06-01T00:00:00Z', ranges: [[1, 1]] });
  await jest.advanceTimersByTimeAsync(60_000);
  expect(records.calls.put).toBe(2);
});

test('in a recreated bucket, a record of a later stream is not overwritten, though it has the revision that was read', async () => {
  const records = new MemoryKeyValue();
  const old = await open(records);
  old.settle(1);
  await old.flush();
  records.renew();
  const renewed = await open(records, { streamCreated: '2026-06-01T00:00:00Z' });
  renewed.settle(4);
  await renewed.flush();
  expect(records.entries.get('settled.badge-award')!.revision).toBe(1);
  old.settle(2);
  await old.flush();
  expect(recordOf(records)).toMatchObject({ created: '2026-06-01T00:00:00Z', ranges: [[4, 4]] });
});

test('after the bucket is recreated, the host writes all its settlements again', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  for (const sequence of [1, 2]) host.settle(sequence);
  await host.flush();
  records.renew();
  host.settle(3);
  await host.flush();
  expect(recordOf(records)).toMatchObject({ created: CREATED, ranges: [[1, 3]] });
});

test('any number of hosts settle in any order: in the end the record holds all', async () => {
  jest.useRealTimers();
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 30 }), fc.boolean()), { maxLength: 20 }),
      async (s, steps) => {
        const records = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
        const hosts = await s.waitFor(Promise.all([open(records), open(records), open(records)]));
        const flushes = steps.map(([at, sequence, flush]) => {
          hosts[at]!.settle(sequence);
          return flush ? hosts[at]!.flush() : Promise.resolve();
        });
        await s.waitFor(Promise.all(flushes));
        // A resolved flush has stored every earlier settlement of its host.
        for (const [i, [at, sequence]] of steps.entries()) {
          if (steps.slice(i).some(([by, , flush]) => by === at && flush))
            expect(hosts[at]!.isStored(sequence)).toBe(true);
        }
        await s.waitFor(Promise.all(hosts.map((host) => host.flush())));
        const last = await s.waitFor(open(records));
        for (const [, sequence] of steps) expect(last.has(sequence)).toBe(true);
        for (let sequence = 1; sequence <= 30; sequence++) {
          if (!steps.some((step) => step[1] === sequence)) expect(last.has(sequence)).toBe(false);
        }
      },
    ),
    { numRuns: 60 },
  );
  jest.useFakeTimers();
});

test('a recreated stream, or another one, starts with nothing settled, and takes over the record', async () => {
  const records = new MemoryKeyValue();
  const before = await open(records);
  before.settle(7);
  await before.flush();
  // The handler is older than the recreated stream, so it handles all of it. In another stream the handler is new.
  for (const [over, knowsPosition] of [
    [{ streamCreated: '2026-06-01T00:00:00Z' }, true],
    [{ stream: 'OTHER' }, false],
  ] as const) {
    const host = await open(records, over);
    expect([host.has(7), host.isStored(7), host.knowsPosition, host.floor]).toEqual([false, false, knowsPosition, 0]);
  }
  const host = await open(records, { streamCreated: '2026-06-01T00:00:00Z' });
  host.settle(1);
  await host.flush();
  expect(recordOf(records)).toEqual({
    format: 1,
    stream: 'EVENTS',
    created: '2026-06-01T00:00:00Z',
    ranges: [[1, 1]],
  });
});

test('the start position of a handler is recorded before anything has settled, and the next host knows it', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  host.settleUpTo(41);
  await host.recordStart();
  const next = await open(records);
  expect([next.knowsPosition, next.floor]).toEqual([true, 41]);
  // The start position is written once.
  await next.recordStart();
  expect(records.entries.get('settled.badge-award')!.revision).toBe(1);
});

test('two hosts that record the start of one handler at a time lose no settlement of either', async () => {
  const records = new MemoryKeyValue();
  const [a, b] = [await open(records), await open(records)];
  a.settleUpTo(41);
  b.settleUpTo(41);
  a.settle(43);
  await Promise.all([a.recordStart(), b.recordStart()]);
  const next = await open(records);
  expect([next.floor, next.has(42), next.has(43)]).toEqual([41, false, true]);
});

describe('messages that the durable skips count as settled', () => {
  const delivery = (consumerSequence: number, sequence: number, deliveryCount = 1) => ({
    consumerSequence,
    sequence,
    deliveryCount,
  });
  const settledOf = async (...deliveries: ReturnType<typeof delivery>[]): Promise<number[]> => {
    const host = await open(new MemoryKeyValue());
    for (const one of deliveries) host.delivered(one);
    return Array.from({ length: 40 }, (_, i) => i + 1).filter((sequence) => host.has(sequence));
  };

  test('before its first message, and between two first deliveries in a row', async () => {
    expect(await settledOf(delivery(1, 4), delivery(2, 5), delivery(3, 8))).toEqual([1, 2, 3, 6, 7]);
  });

  test('with redeliveries in between', async () => {
    expect(await settledOf(delivery(1, 1), delivery(2, 1, 2), delivery(3, 1, 3), delivery(4, 4))).toEqual([2, 3]);
  });

  test('but not across missing deliveries, as another host has them', async () => {
    expect(await settledOf(delivery(2, 4))).toEqual([]);
    expect(await settledOf(delivery(1, 1), delivery(3, 6))).toEqual([]);
    expect(await settledOf(delivery(1, 1), delivery(3, 1, 2), delivery(4, 6))).toEqual([]);
    expect(await settledOf(delivery(1, 1), delivery(3, 6), delivery(4, 8))).toEqual([7]);
  });

  test('but not across a recreated durable', async () => {
    const host = await open(new MemoryKeyValue());
    host.delivered(delivery(1, 1));
    host.forgetDeliveries();
    host.delivered(delivery(2, 6));
    expect([2, 3, 4, 5].some((sequence) => host.has(sequence))).toBe(false);
  });

  test('but not after a redelivery alone', async () => {
    expect(await settledOf(delivery(5, 9, 2), delivery(6, 20))).toEqual([]);
  });

  test('but never the messages that the durable delivers, with any distribution over the hosts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(2), fc.option(fc.nat(19), { nil: undefined })), { minLength: 1, maxLength: 40 }),
        async (unsorted, turns) => {
          const own = unsorted.sort((a, b) => a - b);
          const hosts = await Promise.all([0, 1].map(() => open(new MemoryKeyValue())));
          let fresh = 0;
          // Each turn the server delivers a new message or redelivers an earlier one, to one of two hosts or to none.
          for (const [i, [to, again]] of turns.entries()) {
            const redelivers = again !== undefined && again < fresh;
            if (!redelivers && fresh >= own.length) break;
            const sequence = redelivers ? own[again]! : own[fresh++]!;
            hosts[to]?.delivered(delivery(i + 1, sequence, redelivers ? 2 : 1));
          }
          for (const host of hosts) for (const sequence of own) expect(host.has(sequence)).toBe(false);
        },
      ),
    );
  });
});

test('many ranges are merged up to the ack floor of the durable', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records, { checkpoint: () => Promise.resolve({ ...CHECKPOINT, ackFloor: 400 }) });
  host.follow(CHECKPOINT.created);
  for (let sequence = 2; sequence <= 440; sequence += 2) host.settle(sequence);
  await host.flush();
  expect(recordOf(records)).toMatchObject({
    ranges: [[1, 400], ...Array.from({ length: 20 }, (_, i) => [402 + 2 * i, 402 + 2 * i])],
  });
  expect(host.floor).toBe(400);
});

test.each([
  ['has a narrower filter', { isComplete: false }],
  ['was recreated since the deliveries', { created: '2026-05-14T12:00:00Z' }],
])('many ranges stay as they are while the durable %s', async (_what, over) => {
  const records = new MemoryKeyValue();
  const host = await open(records, { checkpoint: async () => ({ ...CHECKPOINT, ackFloor: 400, ...over }) });
  host.follow(CHECKPOINT.created);
  for (let sequence = 2; sequence <= 440; sequence += 2) host.settle(sequence);
  await host.flush();
  expect(recordOf(records)).toMatchObject({ ranges: Array.from({ length: 220 }, (_, i) => [2 + 2 * i, 2 + 2 * i]) });
});

describe('a message of a subject with wildcards that the durable skips', () => {
  const { created } = CHECKPOINT;
  const numbers = (host: Settlements): number[] =>
    Array.from({ length: 20 }, (_, i) => i + 1).filter((sequence) => host.has(sequence));
  /** Deliveries of 3, 5 and 9; 5 is settled. */
  const delivering = async (records = new MemoryKeyValue()): Promise<Settlements> => {
    const host = await open(records, { hasWildcards: true });
    host.follow(created);
    for (const [i, sequence] of [3, 5, 9].entries()) {
      host.delivered({ consumerSequence: i + 1, sequence, deliveryCount: 1 });
    }
    host.settle(5);
    return host;
  };

  test('counts as settled after a later check of the durable finds the right filter, and is not recorded before', async () => {
    const records = new MemoryKeyValue();
    const host = await delivering(records);
    await host.flush();
    expect([numbers(host), recordOf(records)]).toMatchObject([[5], { ranges: [[5, 5]] }]);
    // This check was begun before the last delivery.
    expect(host.confirm({ ...CHECKPOINT, delivered: 5 })).toBe(true);
    expect(numbers(host)).toEqual([1, 2, 4, 5]);
    expect(host.confirm({ ...CHECKPOINT, delivered: 9 })).toBe(true);
    expect(numbers(host)).toEqual([1, 2, 4, 5, 6, 7, 8]);
    expect(host.confirm({ ...CHECKPOINT, delivered: 9, ackFloor: 5 })).toBe(true);
    expect([numbers(host), host.floor]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], 8]);
    host.settle(9);
    await host.flush();
    expect(recordOf(records)).toMatchObject({ ranges: [[1, 9]] });
  });

  test('never counts as settled after a check finds another filter, as the durable is recreated', async () => {
    const host = await delivering();
    expect(host.confirm({ ...CHECKPOINT, delivered: 9, ackFloor: 9, isComplete: false })).toBe(true);
    expect([numbers(host), host.floor]).toEqual([[5], 0]);
    host.follow('2026-05-14T12:00:00Z');
    expect(host.confirm({ ...CHECKPOINT, created: '2026-05-14T12:00:00Z', delivered: 9 })).toBe(true);
    expect(numbers(host)).toEqual([5]);
    await host.flush();
  });

  test('never counts as settled after another host has recreated the durable', async () => {
    const host = await delivering();
    const other = { ...CHECKPOINT, created: '2026-05-14T12:00:00Z', delivered: 9, ackFloor: 9 };
    expect(host.confirm(other)).toBe(false);
    host.follow(other.created);
    expect(host.confirm({ ...other, ackFloor: 0 })).toBe(true);
    expect(numbers(host)).toEqual([5]);
    await host.flush();
  });

  test('is merged into one range with the others when there are many ranges', async () => {
    const records = new MemoryKeyValue();
    const host = await open(records, {
      hasWildcards: true,
      checkpoint: async () => ({ ...CHECKPOINT, delivered: 400 }),
    });
    host.follow(created);
    for (let i = 1; i <= 220; i++) {
      host.delivered({ consumerSequence: i, sequence: 2 * i, deliveryCount: 1 });
      host.settle(2 * i);
    }
    await host.flush();
    expect(recordOf(records)).toMatchObject({
      ranges: [[1, 400], ...Array.from({ length: 20 }, (_, i) => [402 + 2 * i, 402 + 2 * i])],
    });
  });
});

test('a failed write of the record is reported and repeated after a second, with the later settlements', async () => {
  const records = new MemoryKeyValue();
  const failures: unknown[] = [];
  const host = await open(records, { failed: (error) => failures.push(error) });
  const failure = new Error('no answer');
  host.settle(1);
  records.failNext = failure;
  await jest.advanceTimersByTimeAsync(50);
  expect(failures).toEqual([failure]);
  expect([host.has(1), host.isStored(1)]).toEqual([true, false]);
  host.settle(2);
  await jest.advanceTimersByTimeAsync(999);
  expect(records.entries.size).toBe(0);
  await jest.advanceTimersByTimeAsync(1);
  expect(recordOf(records)).toMatchObject({ ranges: [[1, 2]] });
  expect(failures).toHaveLength(1);
});

test('a store succeeds although other events settle while it writes', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  host.noteSettled(1, 3);
  const put = records.put.bind(records);
  jest.spyOn(records, 'put').mockImplementationOnce((...entry) => {
    host.settle(4);
    return put(...entry);
  });
  await host.store();
  expect([3, 4].map((sequence) => host.isStored(sequence))).toEqual([true, false]);
  await jest.advanceTimersByTimeAsync(50);
  expect(host.isStored(4)).toBe(true);
});

test('a flush resolves when all is stored, by any write', async () => {
  const records = new MemoryKeyValue();
  const host = await open(records);
  host.settle(1);
  const first = host.flush().then(() => host.isStored(1));
  const second = host.flush().then(() => host.isStored(1));
  await Promise.resolve();
  await Promise.resolve();
  host.settle(2);
  const third = host.flush().then(() => host.isStored(2));
  expect(await Promise.all([first, second, third])).toEqual([true, true, true]);
  await host.flush();
  expect(records.calls.put).toBe(2);
});
