import { isAnswerLost, PublishAttempt } from '../../../host/nats/publish-attempt';
import { AnswerLost } from '../../../host/nats/requests';

const attempt = (): PublishAttempt =>
  new PublishAttempt({ id: 'e1', subject: 'orders.placed', payload: '{}', headers: {} }, 0);

test('an event that was never sent was not stored', () => {
  expect(attempt().failure('no server')).toMatchObject({
    code: 'JP_PUBLISH_FAILED',
    message: 'orders.placed was not stored: no server',
  });
});

test('an event whose answer was lost may be stored, and the error names its id', () => {
  const sent = attempt();
  sent.sent(5);
  sent.sent(9);
  expect([sent.times, sent.firstSentAtMs]).toEqual([2, 5]);
  expect(sent.failure('no answer', new AnswerLost()).message).toBe(
    'orders.placed may not be stored (its answer was lost; publish it again under its id e1): no answer',
  );
});

test('an event that the server refused was not stored, though it was sent', () => {
  const sent = attempt();
  sent.sent(5);
  expect(sent.failure('full', new Error('full')).message).toBe('orders.placed was not stored: full');
});

test.each([
  [new AnswerLost(), true],
  [{ code: 'TIMEOUT' }, true],
  [{ code: 'DISCONNECT' }, true],
  [{ code: 'CONNECTION_CLOSED' }, true],
  [{ code: '409', api_error: { err_code: 10158, description: 'duplicate message id is in process' } }, true],
  [{ code: '503' }, false],
  [new Error('full'), false],
])('the answer to %p may be lost: %p', (error, expected) => {
  expect(isAnswerLost(error)).toBe(expected);
});
