import type { Delivery } from '../../../host/broker/delivery';
import { Misfits } from '../../../host/plugin/misfits';

const delivery = (sequence: number, subject: string, size = 1, headers: Record<string, string> = {}): Delivery =>
  ({ sequence, subject, size, header: (name: string) => headers[name] }) as unknown as Delivery;

test.each([
  ['video.a', 'video.a'],
  ['video.*', 'video.b'],
  ['>', 'anything.at.all'],
])('with the filter %s a delivery on %s fits, each time', (filter, subject) => {
  const misfits = new Misfits(filter);
  expect([1, 1, 2].map((sequence) => misfits.judge(delivery(sequence, subject)))).toEqual(['fits', 'fits', 'fits']);
});

test('a delivery on another subject is a misfit first, and left over when it comes again', () => {
  const misfits = new Misfits('video.*');
  const judged = [7, 8, 7, 8, 7].map((sequence) => misfits.judge(delivery(sequence, 'user.a')));
  expect(judged).toEqual(['misfit', 'misfit', 'left-over', 'left-over', 'misfit']);
});

test('a delivery without its payload is a misfit; one whose publisher left it empty fits', () => {
  const misfits = new Misfits('video.*');
  expect(misfits.judge(delivery(1, 'video.a', 0, { 'nats-msg-size': '12' }))).toBe('misfit');
  expect(misfits.judge(delivery(2, 'video.a', 0))).toBe('fits');
  expect(misfits.judge(delivery(1, 'video.a', 12, { 'nats-msg-size': '12' }))).toBe('fits');
});

test('an empty event whose publisher has set the header comes to the handler in the end', () => {
  const misfits = new Misfits('video.*');
  const judged = [1, 2, 3, 4].map(() => misfits.judge(delivery(1, 'video.a', 0, { 'nats-msg-size': '0' })));
  expect(judged).toEqual(['misfit', 'misfit', 'misfit', 'fits']);
});
