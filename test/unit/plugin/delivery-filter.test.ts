import type { Delivery } from '../../../host/broker/delivery';
import { DeliveryFilter } from '../../../host/plugin/delivery-filter';

const delivery = (sequence: number, subject: string, size = 1, headers: Record<string, string> = {}): Delivery =>
  ({ sequence, subject, size, header: (name: string) => headers[name] }) as unknown as Delivery;

test.each([
  ['video.a', 'video.a'],
  ['video.*', 'video.b'],
  ['>', 'anything.at.all'],
])('with the filter %s a delivery on %s is accepted each time', (subscribed, subject) => {
  const filter = new DeliveryFilter({ subject: subscribed });
  expect([1, 1, 2].map((sequence) => filter.judge(delivery(sequence, subject)))).toEqual([
    'accepted',
    'accepted',
    'accepted',
  ]);
});

test('a delivery on another subject is a mismatch first, and unsubscribed when it is redelivered', () => {
  const filter = new DeliveryFilter({ subject: 'video.*' });
  const judged = [7, 8, 7, 8, 7].map((sequence) => filter.judge(delivery(sequence, 'user.a')));
  expect(judged).toEqual(['mismatch', 'mismatch', 'unsubscribed', 'unsubscribed', 'mismatch']);
});

test('a delivery without its payload is a mismatch; one whose publisher left it empty is accepted', () => {
  const filter = new DeliveryFilter({ subject: 'video.*' });
  expect(filter.judge(delivery(1, 'video.a', 0, { 'nats-msg-size': '12' }))).toBe('mismatch');
  expect(filter.judge(delivery(2, 'video.a', 0))).toBe('accepted');
  expect(filter.judge(delivery(1, 'video.a', 12, { 'nats-msg-size': '12' }))).toBe('accepted');
});

test('an empty event whose publisher has set the header is accepted after three deliveries', () => {
  const filter = new DeliveryFilter({ subject: 'video.*' });
  const judged = [1, 2, 3, 4].map(() => filter.judge(delivery(1, 'video.a', 0, { 'nats-msg-size': '0' })));
  expect(judged).toEqual(['mismatch', 'mismatch', 'mismatch', 'accepted']);
});

test('an event under an earlier subject is accepted if it was stored before the change, and skipped otherwise', () => {
  const former = [
    { subject: 'video.old', until: 10 },
    { subject: 'user.>', until: 20 },
  ];
  const filter = new DeliveryFilter({ subject: 'video.new', former });
  const judge = (sequence: number, subject: string): string => filter.judge(delivery(sequence, subject));
  expect([judge(10, 'video.old'), judge(11, 'video.old')]).toEqual(['accepted', 'unsubscribed']);
  expect([judge(20, 'user.a'), judge(21, 'user.a')]).toEqual(['accepted', 'unsubscribed']);
  expect([judge(99, 'video.new'), judge(5, 'video.other')]).toEqual(['accepted', 'mismatch']);
});
