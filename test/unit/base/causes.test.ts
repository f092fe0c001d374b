import { withCauses } from '../../../host/base/causes';

test('the causes follow the message, each with its first line only', () => {
  const cause = new Error('getaddrinfo ENOTFOUND ml.internal\nand more', { cause: 'a text' });
  expect(withCauses(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed ← getaddrinfo ENOTFOUND ml.internal ← a text',
  );
});

test('a cause that the message holds already is left out', () => {
  expect(withCauses(new Error('ml: timed out', { cause: new Error('timed out') }))).toBe('ml: timed out');
});

test('a refused connection has no message of its own, so its addresses are named', () => {
  const cause = new AggregateError([
    new Error('connect ECONNREFUSED ::1:80'),
    new Error('connect ECONNREFUSED 127.0.0.1:80'),
  ]);
  expect(withCauses(new TypeError('fetch failed', { cause }))).toBe(
    'fetch failed ← connect ECONNREFUSED ::1:80 ← connect ECONNREFUSED 127.0.0.1:80',
  );
});

test('a cause whose getter throws, and a circle of causes, do no harm', () => {
  const hostile = Object.defineProperty(new Error('outer'), 'cause', {
    get: () => {
      throw new Error('no');
    },
  });
  expect(withCauses(hostile)).toBe('outer');
  const circle = new Error('round');
  circle.cause = circle;
  expect(withCauses(circle)).toBe('round');
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  expect(withCauses(new Error('outer', { cause: revoked.proxy }))).toMatch(/^outer ← /);
  expect(withCauses(undefined)).toBe('undefined');
});
