import { KvAttemptLog } from '../../../host/message/attempts';
import { FakeDelivery } from '../../support/message-bench';
import { MemoryKeyValue } from '../../support/memory-key-value';

test('remembers how often a message failed, until it is forgotten', async () => {
  const records = new MemoryKeyValue();
  const log = new KvAttemptLog(records, 'badge-award');
  const message = new FakeDelivery();
  expect(await log.failures(message)).toBe(0);
  await log.record(message, 2);
  expect(await log.failures(message)).toBe(2);
  expect([...records.entries.keys()]).toEqual(['attempts.badge-award.EVENTS.7']);
  await log.forget(message);
  expect(await log.failures(message)).toBe(0);
});

test('keeps messages, streams and durables apart', async () => {
  const records = new MemoryKeyValue();
  const log = new KvAttemptLog(records, 'badge-award');
  await log.record(new FakeDelivery(), 2);
  expect(await log.failures(new FakeDelivery({}, { sequence: 8 }))).toBe(0);
  expect(await log.failures(new FakeDelivery({}, { stream: 'OTHER' }))).toBe(0);
  expect(await new KvAttemptLog(records, 'badge-other').failures(new FakeDelivery())).toBe(0);
});

test('a message of a stream that was made again has no failures of its namesake', async () => {
  const log = new KvAttemptLog(new MemoryKeyValue(), 'badge-award');
  await log.record(new FakeDelivery(), 4);
  expect(await log.failures(new FakeDelivery({}, { storedAtMs: 1 }))).toBe(0);
});

test('a bucket that does not answer is the caller’s to know', async () => {
  const records = new MemoryKeyValue();
  records.failNext = new Error('no answer');
  await expect(new KvAttemptLog(records, 'd').failures(new FakeDelivery())).rejects.toThrow('no answer');
});
