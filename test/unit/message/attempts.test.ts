import { KvAttemptLog, mergeApplied } from '../../../host/message/attempts';
import type { AppliedUpdate } from '../../../host/message/delivery';
import { FakeDelivery } from '../../support/message-bench';
import { MemoryKeyValue } from '../../support/memory-key-value';

const NONE = { charged: 0, provisional: 0, applied: [] };
const message = new FakeDelivery();

function setUp() {
  const records = new MemoryKeyValue();
  return { records, log: new KvAttemptLog(records, 'badge-award') };
}

test('remembers how often a message failed, until it is forgotten', async () => {
  const { records, log } = setUp();
  expect(await log.read(message)).toMatchObject(NONE);
  await log.failed(message, []);
  await log.failed(message, []);
  expect(await log.read(message)).toMatchObject({ charged: 0, provisional: 2 });
  expect([...records.entries.keys()]).toEqual(['attempts.badge-award.EVENTS.7']);
  // Another host, or this one after a restart.
  expect(await new KvAttemptLog(records, 'badge-award').read(message)).toMatchObject({ provisional: 2 });
  await log.forget(message);
  expect(await log.read(message)).toMatchObject(NONE);
});

test('provisional failures become the message’s own, or nobody’s', async () => {
  const { log } = setUp();
  await log.failed(message, []);
  await log.failed(message, []);
  await log.charge(message);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 0 });
  await log.failed(message, []);
  await log.discharge(message);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 0 });
  await log.failed(message, []);
  expect(await log.read(message)).toMatchObject({ charged: 2, provisional: 1 });
});

test('a failure, its charge and a further failure, told at once, are counted in their order', async () => {
  const { log } = setUp();
  await Promise.all([log.failed(message, []), log.charge(message), log.failed(message, []), log.discharge(message)]);
  expect(await log.read(message)).toMatchObject({ charged: 1, provisional: 0 });
});

test('remembers what the runs that failed had applied, each update once, through charges and discharges', async () => {
  const { log } = setUp();
  await log.failed(message, [['k', 0, '1']]);
  await log.charge(message);
  await log.failed(message, [
    ['k', 0, '1'],
    ['k', 1, '2'],
    ['other', 0, null],
  ]);
  await log.discharge(message);
  expect((await log.read(message)).applied).toEqual([
    ['k', 0, '1'],
    ['k', 1, '2'],
    ['other', 0, null],
  ]);
});

test('what was applied first wins over a later word on the same update', () => {
  const before: AppliedUpdate[] = [['k', 0, 'first']];
  expect(mergeApplied(before, [['k', 0, 'second']])).toEqual(before);
  expect(mergeApplied(before, [])).toEqual(before);
  expect(mergeApplied([], before)).toEqual(before);
});

test('keeps messages, streams and durables apart', async () => {
  const { records, log } = setUp();
  await log.failed(message, []);
  expect(await log.read(new FakeDelivery({}, { sequence: 8 }))).toMatchObject(NONE);
  expect(await log.read(new FakeDelivery({}, { stream: 'OTHER' }))).toMatchObject(NONE);
  expect(await new KvAttemptLog(records, 'badge-other').read(message)).toMatchObject(NONE);
});

test('a message of a stream that was made again has no failures of its namesake, and starts its own count', async () => {
  const { log } = setUp();
  for (let i = 0; i < 4; i++) await log.failed(message, [['k', 0, '1']]);
  const namesake = new FakeDelivery({}, { storedAtMs: 1 });
  expect(await log.read(namesake)).toMatchObject(NONE);
  await log.failed(namesake, []);
  expect(await log.read(namesake)).toMatchObject({ charged: 0, provisional: 1, applied: [] });
});

test('a bucket that does not answer is the caller’s to know', async () => {
  const { records, log } = setUp();
  for (const attempt of [
    () => log.read(message),
    () => log.failed(message, []),
    () => log.charge(message),
    () => log.discharge(message),
    () => log.forget(message),
  ]) {
    records.failNext = new Error('no answer');
    await expect(attempt()).rejects.toThrow('no answer');
  }
});

test('a death counts when another process finds a mark that was not taken back, once for each mark', async () => {
  const records = new MemoryKeyValue();
  const process = (name: string) => new KvAttemptLog(records, 'badge-award', name);
  const [first, second, third] = [process('first'), process('second'), process('third')];
  await first.started(message);
  expect(await first.read(message)).toMatchObject({ deaths: 0 });
  expect(await second.read(message)).toMatchObject({ deaths: 1 });
  await second.started(message);
  expect(await second.read(message)).toMatchObject({ deaths: 1 });
  await second.ended(message);
  expect(await third.read(message)).toMatchObject({ deaths: 1 });
  await third.started(message);
  await third.failed(message, []);
  expect(await first.read(message)).toMatchObject({ deaths: 1, provisional: 1 });
  await third.started(message);
  expect(await first.read(message)).toMatchObject({ deaths: 2, provisional: 1 });
  await first.charge(message);
  expect(await first.read(message)).toMatchObject({ deaths: 2, charged: 1 });
});
