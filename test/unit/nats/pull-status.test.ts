import type { Msg } from 'nats';
import { readStatus } from '../../../host/nats/pull-status';

const status = (code: number, description = '', pending = ''): Msg =>
  ({ headers: { code, description, get: () => pending } }) as unknown as Msg;

test.each([
  [100, ''],
  [100, 'Idle Heartbeat'],
])('a %d %s is a heartbeat', (code, description) => {
  expect(readStatus(status(code, description))).toEqual({ kind: 'heartbeat' });
});

test.each([404, 408])(
  'a %d ends a request, with the number of its undelivered messages where that is known',
  (code) => {
    expect(readStatus(status(code, '', '7'))).toEqual({ kind: 'ended', undelivered: 7 });
    expect(readStatus(status(code))).toEqual({ kind: 'ended', undelivered: undefined });
  },
);

test.each([
  [503, '', 'the server does not know the consumer'],
  [409, 'Consumer Deleted', 'Consumer Deleted'],
  [409, 'Consumer is push based', 'Consumer is push based'],
])('a %d %s means that the durable is gone', (code, description, why) => {
  expect(readStatus(status(code, description))).toEqual({ kind: 'gone', why });
});

test.each(['Server Shutdown', 'Leadership Change'])('a 409 %s interrupts the pull', (description) => {
  expect(readStatus(status(409, description))).toEqual({ kind: 'interrupted' });
});

test('any other status is a refusal, with the largest batch where the server limits it', () => {
  expect(readStatus(status(409, 'Exceeded MaxWaiting'))).toEqual({
    kind: 'refused',
    reason: '409 Exceeded MaxWaiting',
    largestBatch: undefined,
  });
  expect(readStatus(status(409, 'Exceeded MaxRequestBatch of 5'))).toMatchObject({ largestBatch: 5 });
  expect(readStatus(status(412))).toMatchObject({ reason: '412' });
  expect(readStatus(status(423, 'Nats-Pin-Id mismatch'))).toEqual({ kind: 'unpinned' });
});
