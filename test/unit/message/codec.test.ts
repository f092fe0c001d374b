import { decodePayload, encodePayload } from '../../../host/message/codec';
import { MessageBench } from '../../support/message-bench';

const decoded = (payload: unknown) => decodePayload(new MessageBench().delivery(payload), 64);

test('an object comes out of its payload as it went in', () => {
  const event = { user_id: 'u1', list: [1, { ä: null }] };
  expect(decoded(encodePayload('a.b', event))).toEqual({ value: event });
});

test.each<[string, unknown, string]>([
  ['without bytes', '', 'the payload is empty'],
  ['that is no JSON', 'nope', 'not JSON'],
  ['that is not UTF-8', Buffer.from([0x7b, 0xff]), 'not UTF-8'],
])('a payload %s is invalid', (_what, payload, message) => {
  const result = decoded(payload);
  if (!('kind' in result)) throw new Error('valid');
  expect(result).toMatchObject({ reason: 'invalid-json' });
  expect(result.error.message).toContain(message);
});

test('an object that JSON cannot hold is refused', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect(() => encodePayload('a.b', circle)).toThrow(expect.objectContaining({ code: 'JP_EVENT_INVALID' }));
});
