import fc from 'fast-check';
import { deadLetterOf, fingerprint } from '../../../host/message/dead-letter';
import { FakeDelivery, MessageBench, STORED_AT, type Given } from '../../support/message-bench';
import { encodeHeader, decodeHeader } from '../../../host/broker/letter-headers';

const NOW = new Date('2026-05-12T13:00:00.000Z');
const { handler } = new MessageBench();

function letterOf(error: Error, given?: Given) {
  const delivery = new FakeDelivery('{"user_id":"u1"}', { deliveryCount: 6, ...given });
  return deadLetterOf(handler, delivery, { reason: 'attempts-exhausted', error, attempts: 3 }, NOW);
}

/** An error whose stack has these places. */
function errorAt(message: string, ...frames: string[]): Error {
  const error = new Error(message);
  error.stack = [`Error: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

test('a dead letter has the payload byte for byte, and every dead-letter header', () => {
  const { headers, payload, ...rest } = letterOf(errorAt('broken', 'f (/plugins/badge.plugin.ts:3:7)'));
  expect(Buffer.from(payload).toString()).toBe('{"user_id":"u1"}');
  expect(rest).toEqual({
    plugin: 'badge',
    handler: 'award',
    stream: 'EVENTS',
    sequence: 7,
    storedAtMs: Date.parse(STORED_AT),
  });
  expect(headers).toEqual({
    'x-letter-format': '1',
    'x-dead-letter-reason': 'attempts-exhausted',
    'x-original-subject': 'video.watch_started',
    'x-original-stream': 'EVENTS',
    'x-original-sequence': '7',
    'x-original-time': STORED_AT,
    'x-failed-at': '2026-05-12T13:00:00.000Z',
    'x-delivery-count': '6',
    'x-attempts': '3',
    'x-plugin': 'badge',
    'x-handler': 'award',
    'x-plugin-version': 'abc123',
    'x-error-name': 'Error',
    'x-error-message': 'broken',
    'x-error-stack': 'Error: broken%0A    at f (/plugins/badge.plugin.ts:3:7)',
    'x-fingerprint': expect.stringMatching(/^[0-9a-f]{12}$/),
  });
});

test('a dead letter keeps the headers of the message, except those that JetStream would act on', () => {
  const own = { traceparent: '00-1-2-01', 'x-hops': '3', 'ce-id': 'e' };
  const control = {
    'Nats-Msg-Id': '1',
    'nats-expected-last-sequence': '5',
    'NATS-TTL': '1s',
    'Nats-Rollup': 'all',
    'Nats-Schedule': '@at',
  };
  const { headers } = letterOf(new Error('x'), { headers: { ...own, ...control } });
  expect(headers).toMatchObject(own);
  expect(Object.keys(headers).filter((name) => /^nats-/i.test(name))).toEqual([]);
});

test('a dead letter replaces the headers of an earlier dead letter', () => {
  const { headers } = letterOf(new Error('x'), { headers: { 'x-dead-letter-reason': 'schema', 'x-plugin': 'other' } });
  expect(headers).toMatchObject({ 'x-dead-letter-reason': 'attempts-exhausted', 'x-plugin': 'badge' });
});

test('a dead letter of a message with a malformed header block has the error in place of the headers', () => {
  const headers = (): never => {
    throw new Error('bad\r\nheader');
  };
  expect(letterOf(new Error('x'), { headers }).headers).toMatchObject({
    'x-original-headers-error': 'bad%0D%0Aheader',
  });
});

test('the stack includes the stacks of the causes, and stops at a cycle of causes', () => {
  const inner = errorAt('inner', 'g (/b.ts:1:1)');
  const outer = Object.assign(errorAt('outer', 'f (/a.ts:1:1)'), { cause: inner });
  const stack = () => decodeHeader(letterOf(outer).headers['x-error-stack']!);
  expect(stack()).toBe('Error: outer\n    at f (/a.ts:1:1)\ncaused by: Error: inner\n    at g (/b.ts:1:1)');
  inner.cause = outer;
  expect(stack().match(/caused by/g)).toHaveLength(4);
});

test('a cause that is no error ends the chain', () => {
  for (const cause of ['text', null, Object.create(null), { stack: 5 }]) {
    expect(decodeHeader(letterOf(Object.assign(errorAt('x'), { cause })).headers['x-error-stack']!)).toBe('Error: x');
  }
});

test('the lengths of error message and stack are limited', () => {
  const { headers } = letterOf(errorAt('ж'.repeat(500_000), 'f (/a.ts:1:1)'));
  expect(headers['x-error-message']!.length).toBeLessThanOrEqual(2_051);
  expect(headers['x-error-stack']!.length).toBeLessThanOrEqual(8_195);
  // The text is cut to the limit, but not dropped.
  expect(decodeHeader(headers['x-error-message']!)).toMatch(/^ж{300,}\.\.\.$/);
});

test('any well-formed text can be encoded in a header, which is one line of ASCII, and decoded again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const encoded = encodeHeader(text, 1_000_000);
      expect(encoded).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeHeader(encoded)).toBe(text);
    }),
  );
});

test('a cut text is a prefix of the original and ends at a whole character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.nat(40), (text, max) => {
      const encoded = encodeHeader(text, max);
      if (encoded.length <= max && decodeHeader(encoded) === text) return;
      expect(encoded.length).toBeLessThanOrEqual(max + 3);
      expect(encoded.endsWith('...')).toBe(true);
      expect(text.startsWith(decodeHeader(encoded.slice(0, -3)))).toBe(true);
    }),
  );
});

test('half a surrogate pair becomes the replacement character', () => {
  expect(decodeHeader(encodeHeader('a\ud800b', 100))).toBe('a\ufffdb');
});

const AT = 'BadgePlugin.award (/plugins/badge.plugin.ts:3:7)';

test.each([
  ['numbers', 'user 17 has 3 items', 'user 18 has 4 items'],
  ['ids', 'no user 6f1d9f1e-6c1f-4a52-9f39-0d3d4f3c1b2a', 'no user 0b2d9f1e-6c1f-4a52-9f39-0d3d4f3c1b2a'],
  ['quoted text', 'no genre "horror"', 'no genre "comedy"'],
  ['hexadecimal', 'at 0x1f', 'at 0x2e'],
  ['names with numbers', 'no video v1', 'no video v2'],
])('failures that differ only in %s have one fingerprint', (_what, one, other) => {
  expect(fingerprint(errorAt(one, AT))).toBe(fingerprint(errorAt(other, AT)));
});

test('failures of another class, message or line have another fingerprint', () => {
  const error = errorAt('broken', AT);
  const named = Object.assign(errorAt('broken', AT), { name: 'TypeError' });
  const elsewhere = errorAt('broken', 'BadgePlugin.award (/plugins/badge.plugin.ts:4:7)');
  const inOtherFile = errorAt('broken', 'BadgePlugin.award (/plugins/other.plugin.ts:3:7)');
  const all = [error, named, elsewhere, inOtherFile, errorAt('torn', AT), errorAt('broken')].map(fingerprint);
  expect(new Set(all).size).toBe(all.length);
});

test('an error that repeats long parts of its event’s payload is fingerprinted quickly', () => {
  const hostile = [
    '    at ' + '/'.repeat(500_000),
    '"'.repeat(500_001),
    '1'.repeat(500_000),
    'ж'.repeat(500_000),
    '-'.repeat(500_000),
  ];
  const startedMs = performance.now();
  for (const text of hostile) letterOf(new Error(`cannot read\n${text}`));
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});
