import { MemoryStream } from '../../../host/testing/memory-stream';
import { VirtualTime } from '../../../host/testing/virtual-time';

const START_MS = Date.parse('2026-05-12T12:00:00.000Z');
const WINDOW_MS = 60_000;

let time: VirtualTime;
let stream: MemoryStream;
beforeEach(() => {
  time = new VirtualTime(START_MS);
  stream = new MemoryStream({ name: 'EVENTS', subjects: ['orders.>'], duplicateWindowMs: WINDOW_MS }, time);
});
const message = (options: object = {}) => ({
  subject: 'orders.placed',
  payload: Buffer.from('{}'),
  headers: {},
  ...options,
});

test('a stream holds the subjects that its own subjects cover', () => {
  expect([stream.holds('orders.placed'), stream.holds('users.added')]).toEqual([true, false]);
});

test('messages get sequences from 1 and the time at which they were stored', () => {
  stream.append(message());
  time.step(1_000, false);
  stream.append(message());
  expect([...stream.messages.values()].map(({ sequence, storedAtMs }) => [sequence, storedAtMs - START_MS])).toEqual([
    [1, 0],
    [2, 1_000],
  ]);
});

test('an id is stored once within the duplicate window and again after it', () => {
  expect(stream.append(message({ id: 'e1' }))).toEqual({ sequence: 1, duplicate: false });
  expect(stream.append(message({ id: 'e1' }))).toEqual({ sequence: 1, duplicate: true });
  expect(stream.messages.get(1)?.headers).toEqual({ 'Nats-Msg-Id': 'e1' });
  time.step(WINDOW_MS, false);
  expect(stream.append(message({ id: 'e1' }))).toEqual({ sequence: 2, duplicate: false });
});

test('an expected sequence that is not the subject’s last one is a conflict', () => {
  expect(() => stream.append(message({ expected: 1 }))).toThrow(expect.objectContaining({ name: 'Conflict' }));
  stream.append(message({ expected: 0 }));
  stream.append(message({ expected: 1 }));
  expect(() => stream.append(message({ expected: 1 }))).toThrow(expect.objectContaining({ name: 'Conflict' }));
  expect(stream.lastOn('orders.placed')?.sequence).toBe(2);
});

test('after the removal of its last message a subject counts as empty', () => {
  stream.append(message());
  stream.remove(1);
  expect(stream.lastOn('orders.placed')).toBeUndefined();
  stream.append(message({ expected: 0 }));
  expect(stream.last).toBe(2);
});

test('listeners receive each stored message, and no duplicates', () => {
  const sequences: number[] = [];
  stream.listeners.add(({ sequence }) => sequences.push(sequence));
  stream.append(message({ id: 'e1' }));
  stream.append(message({ id: 'e1' }));
  expect(sequences).toEqual([1]);
});
