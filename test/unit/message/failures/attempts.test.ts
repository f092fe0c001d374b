import fc from 'fast-check';
import type { Settlements } from '../../../../host/records/settlements';
import { attemptsKey, parseRecord, stateOf } from '../../../../host/message/failures/attempt-record';
import { KvAttemptLog } from '../../../../host/message/failures/attempts';
import type { MessageRef } from '../../../../host/broker/delivery';
import { Outages } from '../../../../host/message/failures/outages';
import { FakeDelivery } from '../../../support/message-bench';
import { MemoryKeyValue } from '../../../support/memory-key-value';

const NONE = { charged: 0, provisional: 0 };
const message = new FakeDelivery();

const OUTAGE = { since: new Date(0), reason: 'down' };

/** A host's access to the records. */
async function open(records: MemoryKeyValue, durable = 'badge-award') {
  const outages = await Outages.open(records, durable);
  return { records, outages, log: new KvAttemptLog(records, durable, outages, 'this process') };
}

const setUp = () => open(new MemoryKeyValue());

/** The settlements of a handler, of a stream with this creation time. */
const settlements = (settled: readonly number[] = [], streamIncarnation = '1970-01-01T00:00:00Z') =>
  ({ has: (sequence: number) => settled.includes(sequence), streamIncarnation }) as Settlements;

const NO_LETTER = () => Promise.resolve(false);

test('counts the failures of a message until they are forgotten', async () => {
  const { records, log } = await setUp();
  expect(await log.read(message)).toMatchObject(NONE);
  await log.failed(message);
  await log.failed(message);
  expect(await log.read(message)).toMatchObject({ charged: 0, provisional: 2 });
  expect([...records.entries.keys()]).toEqual(['attempts.badge-award.EVENTS.7']);
  // Another host, or this one after a restart.
  expect(await (await open(records)).log.read(message)).toMatchObject({ provisional: 2 });
  await log.forget(message);
  expect(await log.read(message)).toMatchObject(NONE);
  expect(records.entries.size).toBe(0);
});

test('a message without a record is forgotten by a read alone, which any replica answers', async () => {
  const { records, log } = await setUp();
  const purge = jest.spyOn(records, 'purge');
  await log.forget(message);
  expect(purge).not.toHaveBeenCalled();
  await log.failed(message);
  await log.forget(message);
  expect(purge).toHaveBeenCalledTimes(1);
});

test('few records are removed at once, and a stop can wait until all are', async () => {
  const { records, log } = await setUp();
  const ends: (() => void)[] = [];
  jest.spyOn(records, 'get').mockImplementation(() => new Promise((resolve) => ends.push(() => resolve(undefined))));
  for (let sequence = 1; sequence <= 40; sequence++) void log.forget({ stream: 'EVENTS', sequence, storedAtMs: 0 });
  let isForgotten = false;
  const forgotten = log.whenForgotten().then(() => (isForgotten = true));
  for (let ended = 0; ended < 40; ended++) {
    await new Promise(setImmediate);
    expect(ends.length).toBe(Math.min(40, ended + 16));
    expect(isForgotten).toBe(false);
    ends[ended]!();
  }
  await forgotten;
});

test('the record describes the last failure that was described', async () => {
  const { records, log } = await setUp();
  const last = { error: 'no database', version: 'v1', attempts: 5, atMs: 1_000, nextAtMs: 2_000 };
  await log.failed(message, last);
  await log.charge(message);
  const [key, { value }] = [...records.entries][0]!;
  expect(key).toBe(attemptsKey('badge-award', message));
  expect(stateOf(parseRecord('attempts.badge-award.EVENTS.7', value!), message)).toMatchObject({ charged: 1, last });
});

test('a charge makes provisional failures count as the message’s own; an outage discards them', async () => {
  const { log, outages } = await setUp();
  await log.failed(message);
  await log.failed(message);
  await log.charge(message);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 0 });
  await log.failed(message);
  const read = await log.read(message);
  expect(read).toMatchObject({ charged: 2, provisional: 1 });
  await outages.begin(OUTAGE);
  // A run that read the failures before the outage must not count them after it.
  expect(read.provisional).toBe(0);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 0 });
  await log.failed(message);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 1 });
});

test('a failure, its charge and a further failure, recorded concurrently, are counted in their order', async () => {
  const { log } = await setUp();
  await Promise.all([log.failed(message), log.charge(message), log.failed(message)]);
  expect(await log.read(message)).toMatchObject({ charged: 1, provisional: 1 });
});

test('a failure from before an outage that is written during the outage does not count', async () => {
  const { records, log, outages } = await setUp();
  await Promise.all([log.failed(message), outages.begin(OUTAGE)]);
  expect(await log.read(message)).toMatchObject({ charged: 0, provisional: 0 });
  expect(await (await open(records)).log.read(message)).toMatchObject({ charged: 0, provisional: 0 });
});

test('a host learns of another host’s outage from a failure that was recorded after it', async () => {
  const { records, log: a, outages } = await setUp();
  const { log: b } = await open(records);
  const later = new FakeDelivery({}, { sequence: 8 });
  await b.failed(message);
  await outages.begin(OUTAGE);
  await a.failed(later);
  expect(await b.read(later)).toMatchObject({ provisional: 1 });
  expect(await b.read(message)).toMatchObject({ provisional: 0 });
});

test('an outage discards all provisional failures before it, in any order of steps and with any restarts', async () => {
  type Step = 'fail' | 'charge' | 'outage' | 'restart';
  const steps = fc.array(fc.constantFrom<Step[]>('fail', 'fail', 'charge', 'outage', 'restart'), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      let host = await setUp();
      const expected = { charged: 0, provisional: 0 };
      for (const step of given) {
        if (step === 'fail') {
          await host.log.failed(message);
          expected.provisional++;
        } else if (step === 'charge') {
          await host.log.charge(message);
          expected.charged += expected.provisional;
          expected.provisional = 0;
        } else if (step === 'outage') {
          await host.outages.begin(OUTAGE);
          expected.provisional = 0;
        } else host = await open(host.records);
        expect(await host.log.read(message)).toMatchObject(expected);
      }
    }),
  );
});

test('lists for the next host the failing messages, except charged and settled ones and those of an outage or an earlier stream', async () => {
  const { records, log, outages } = await setUp();
  const at = (sequence: number, storedAtMs = 1_000): MessageRef => ({ stream: 'EVENTS', sequence, storedAtMs });
  await log.failed(at(1));
  await outages.begin(OUTAGE);
  for (const sequence of [2, 3, 4, 5]) await log.failed(at(sequence));
  await log.charge(at(2));
  await log.failed({ ...at(6), stream: 'EVENTS2' });
  await log.failed(at(7, 1));
  const next = await open(records);
  const failing = await next.log.failing('EVENTS', settlements([3], '1970-01-01T00:00:00.5Z'), NO_LETTER);
  expect(failing).toEqual([at(4), at(5)]);
  // The list removes the records of settled messages and of an earlier stream.
  expect([...records.entries.keys()].filter((key) => /EVENTS\.[37]$/.test(key))).toEqual([]);
  expect(await next.log.failing('OTHER', settlements(), NO_LETTER)).toEqual([]);
});

test('the record of a settled message stays while its dead letter may have to be made from it', async () => {
  const { records, log } = await setUp();
  for (const sequence of [1, 2]) {
    await log.bury(
      { sequence, stream: 'EVENTS', storedAtMs: 1_000 },
      { reason: 'timeout', error: new Error('late'), attempts: 1 },
    );
  }
  await (await open(records)).log.failing('EVENTS', settlements([1, 2]), async ({ sequence }) => sequence === 1);
  expect([...records.entries.keys()].filter((key) => /EVENTS\.\d$/.test(key))).toEqual([
    'attempts.badge-award.EVENTS.1',
  ]);
});

test('the record stays too if another host has recorded the reason for the letter after it was read', async () => {
  const { records, log } = await setUp();
  await log.failed({ sequence: 1, stream: 'EVENTS', storedAtMs: 1_000 });
  await (await open(records)).log.failing('EVENTS', settlements([1]), async () => true);
  expect([...records.entries.keys()]).toContain('attempts.badge-award.EVENTS.1');
});

describe('an event from the retry queue', () => {
  test('keeps its earlier failures, also after its first new record', async () => {
    const { log } = await setUp();
    const past = { failures: 1, provisional: 2, outages: 0 };
    const back = new FakeDelivery({}, { stream: 'RETRY', past });
    expect(await log.read(back)).toMatchObject({ charged: 1, provisional: 2 });
    await log.charge(back);
    expect(await log.read(back)).toMatchObject({ charged: 3, provisional: 0 });
    await log.failed(back);
    expect(await log.read(back)).toMatchObject({ charged: 3, provisional: 1 });
  });

  test('loses its earlier provisional failures in an outage, and keeps its charged ones', async () => {
    const { log, outages } = await setUp();
    const past = { failures: 1, provisional: 2, outages: 0 };
    const back = new FakeDelivery({}, { stream: 'RETRY', past });
    await outages.begin(OUTAGE);
    expect(await log.read(back)).toMatchObject({ charged: 1, provisional: 0 });
  });
});

test('keeps messages, streams and durables apart', async () => {
  const { records, log } = await setUp();
  await log.failed(message);
  expect(await log.read(new FakeDelivery({}, { sequence: 8 }))).toMatchObject(NONE);
  expect(await log.read(new FakeDelivery({}, { stream: 'OTHER' }))).toMatchObject(NONE);
  expect(await (await open(records, 'badge-other')).log.read(message)).toMatchObject(NONE);
});

test('a message of a recreated stream starts without the failures of the earlier message with its sequence', async () => {
  const { log } = await setUp();
  for (let i = 0; i < 4; i++) await log.failed(message);
  const namesake = new FakeDelivery({}, { storedAtMs: 1 });
  expect(await log.read(namesake)).toMatchObject(NONE);
  await log.failed(namesake);
  expect(await log.read(namesake)).toMatchObject({ charged: 0, provisional: 1 });
});

test('a charge of a message that is being forgotten leaves no record', async () => {
  const { records, log } = await setUp();
  await log.failed(message);
  await Promise.all([log.charge(message), log.forget(message), log.charge(message)]);
  await log.charge(message);
  expect(records.entries.size).toBe(0);
});

test('a host counts from zero after another host has removed the record', async () => {
  const { records, log: a } = await setUp();
  const { log: b } = await open(records);
  await a.failed(message);
  await b.forget(message);
  await a.failed(message);
  expect(await a.read(message)).toMatchObject({ charged: 0, provisional: 1 });
});

test('a bucket that does not answer rejects the call', async () => {
  const { records, log } = await setUp();
  for (const attempt of [
    () => log.read(message),
    () => log.failed(message),
    () => log.charge(message),
    () => log.failing('EVENTS', settlements(), NO_LETTER),
    () => log.forget(message),
  ]) {
    records.failNext = new Error('no answer');
    await expect(attempt()).rejects.toThrow('no answer');
  }
});

test('each mark that another process finds counts as one death', async () => {
  const { records, outages } = await setUp();
  const process = (name: string) => new KvAttemptLog(records, 'badge-award', outages, name);
  const [first, second, third] = [process('first'), process('second'), process('third')];
  await first.started(message);
  expect(await first.read(message)).toMatchObject({ deaths: 0 });
  expect(await second.read(message)).toMatchObject({ deaths: 1 });
  await second.started(message);
  expect(await second.read(message)).toMatchObject({ deaths: 1 });
  await second.ended(message);
  expect(await third.read(message)).toMatchObject({ deaths: 1 });
  await third.started(message);
  await third.failed(message);
  expect(await first.read(message)).toMatchObject({ deaths: 1, provisional: 1 });
  await third.started(message);
  expect(await first.read(message)).toMatchObject({ deaths: 2, provisional: 1 });
  await first.charge(message);
  expect(await first.read(message)).toMatchObject({ deaths: 2, charged: 1 });
});

test('the mark of a process that still runs the message counts as no death, and other processes do not remove it', async () => {
  const { records, outages } = await setUp();
  const process = (name: string) => new KvAttemptLog(records, 'badge-award', outages, name);
  const [first, second] = [process('first'), process('second')];
  for (let turn = 0; turn < 4; turn++) {
    await first.started(message);
    await first.failed(message);
    await second.started(message);
    await first.charge(message);
    await first.ended(message);
    await second.ended(message);
  }
  expect(await first.read(message)).toMatchObject({ deaths: 0, charged: 4 });
});

test('the reason for a dead letter survives the process that decided on it', async () => {
  const { log } = await setUp();
  const error = Object.assign(new TypeError('broken'), { stack: 'TypeError: broken\n    at there' });
  await log.failed(message);
  await log.bury(message, { reason: 'timeout', attempts: 5, error });
  const { buried, provisional } = await log.read(message);
  expect(provisional).toBe(1);
  expect(buried).toMatchObject({ reason: 'timeout', attempts: 5 });
  expect([buried!.error.name, buried!.error.message, buried!.error.stack]).toEqual([
    'TypeError',
    'broken',
    error.stack,
  ]);
});
