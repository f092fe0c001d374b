import fc from 'fast-check';
import { decode, type Decoded, utc } from '../../../host/message/decode';
import type { Invalid } from '../../../host/message/outcome';
import { FakeDelivery, STORED_AT, type Given } from '../../support/message-bench';

const LIMITS = { maxPayloadBytes: 524_288, maxDepth: 64 };
const EVENT = { event_type: 'video.watch_started', event_id: 'e1', timestamp: '2026-05-12T19:03:11Z' };

function read(payload: unknown, given?: Given): Decoded | Invalid {
  return decode(new FakeDelivery(payload, given), LIMITS);
}

function decoded(payload: unknown, given?: Given): Decoded {
  const result = read(payload, given);
  if (result.kind === 'invalid') throw result.error;
  return result;
}

function nested(depth: number): string {
  return '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1);
}

test('keeps the envelope of an event that has one, apart from its fields', () => {
  expect(decoded({ ...EVENT, user_id: 'u1' })).toMatchObject({ envelope: EVENT, fields: { user_id: 'u1' } });
});

test('fills the envelope of a plain publish: type from the subject, id from the place in the stream, time from the stream', () => {
  const { envelope, fields } = decoded(
    { user_id: 'u1' },
    { subject: 'video.watch_started', stream: 'EVENTS', sequence: 42 },
  );
  expect(envelope).toEqual({ event_type: 'video.watch_started', event_id: 'EVENTS:42', timestamp: STORED_AT });
  expect(fields).toEqual({ user_id: 'u1' });
});

test('takes the id of a plain publish from Nats-Msg-Id, and the event’s own before that', () => {
  const headers = { 'Nats-Msg-Id': 'from-header' };
  expect(decoded({}, { headers }).envelope.event_id).toBe('from-header');
  expect(decoded({ event_id: 'own' }, { headers }).envelope.event_id).toBe('own');
});

test('counts the hops by their header', () => {
  expect(decoded({}, { headers: { traceparent: '00-1', 'x-hops': '32' } }).hops).toBe(32);
  expect(decoded({}).hops).toBe(0);
});

test.each(['', 'many', '-40', '1.5', 'NaN', '0x21', '1e3'])(
  'counts from 0 where x-hops is %j, which no host wrote',
  (hops) => {
    expect(decoded({}, { headers: { 'x-hops': hops } }).hops).toBe(0);
  },
);

test.each([
  ['2026-05-12T19:03:11Z', '2026-05-12T19:03:11Z'],
  ['2026-05-12T19:03:11.123456Z', '2026-05-12T19:03:11.123456Z'],
  ['2026-05-12T21:03:11+02:00', '2026-05-12T19:03:11.000Z'],
  ['2026-05-12t19:03:11z', '2026-05-12T19:03:11Z'],
  ['2026-05-12t21:03:11.5+02:00', '2026-05-12T19:03:11.500Z'],
  ['2026-01-31t00:00:00.123z', '2026-01-31T00:00:00.123Z'],
  ['2026-05-12T21:03:11.123456789+02:00', '2026-05-12T19:03:11.123456789Z'],
  ['2026-05-12T19:03:11.5-05:30', '2026-05-13T00:33:11.500Z'],
  ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z'],
])('the timestamp %s is %s in UTC', (timestamp, utc) => {
  expect(decoded({ timestamp }).envelope.timestamp).toBe(utc);
});

test('accepts an id of 1 and of 256 bytes', () => {
  for (const event_id of ['x', 'x'.repeat(256), 'é'.repeat(128)]) {
    expect(decoded({ event_id }).envelope.event_id).toBe(event_id);
  }
});

test('accepts a payload and a depth exactly at their limits', () => {
  const json = JSON.stringify({ text: '' });
  const full = JSON.stringify({ text: 'x'.repeat(LIMITS.maxPayloadBytes - json.length) });
  expect(full).toHaveLength(LIMITS.maxPayloadBytes);
  expect(read(full).kind).toBe('decoded');
  expect(read(nested(64)).kind).toBe('decoded');
  expect(read(nested(65))).toMatchObject({ kind: 'invalid', reason: 'too-deep' });
});

test('accepts keys that only look dangerous', () => {
  const fields = {
    constructor: 'Ford',
    prototype: 'T',
    hasOwnProperty: 1,
    toString: 'x',
    kind: 'invalid',
    list: [{ constructor: {} }],
  };
  expect(decoded(JSON.stringify(fields)).fields).toEqual(fields);
});

test('accepts numbers that are exact, and any digits within a string', () => {
  const text = '{"a":9007199254740992,"b":0.30000000000000004,"c":1e2,"id":"1497549923779084388"}';
  expect(decoded(text).fields).toEqual(JSON.parse(text));
});

const MALFORMED: [what: string, payload: unknown, reason: string, says: RegExp, given?: Given][] = [
  ['nothing', '', 'invalid-json', /empty/],
  ['white space', ' \n', 'invalid-json', /not JSON/],
  ['text', 'not json', 'invalid-json', /not JSON/],
  ['half an object', '{"a":', 'invalid-json', /not JSON/],
  ['two objects', '{}{}', 'invalid-json', /not JSON/],
  ['a NUL', '\0', 'invalid-json', /not JSON/],
  ['binary', Buffer.from([0x80, 0x02, 0xff, 0x00]), 'invalid-json', /not UTF-8/],
  ['invalid UTF-8 within a string', Buffer.from('{"a":"\xff"}', 'latin1'), 'invalid-json', /not UTF-8/],
  ['a cut character', Buffer.from('{"a":"é"}').subarray(0, 7), 'invalid-json', /not UTF-8/],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'invalid-json', /not JSON/],
  ['an array', '[{}]', 'invalid-envelope', /is an array, not an object/],
  ['null', 'null', 'invalid-envelope', /is null, not an object/],
  ['a string', '"x"', 'invalid-envelope', /is "x", not an object/],
  ['a number', '1e999', 'invalid-envelope', /is the number Infinity, not an object/],
  ['true', 'true', 'invalid-envelope', /is true, not an object/],
  ['a long string', JSON.stringify('x'.repeat(100)), 'invalid-envelope', /a string of 100 characters/],
  ['an object nested 10,000 deep', nested(10_000), 'too-deep', /more than 64 levels/],
  [
    'an array nested 10,000 deep',
    `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    'too-deep',
    /more than 64 levels/,
  ],
  [
    'as deep as its size allows',
    `{"a":${'['.repeat(262_000)}${']'.repeat(262_000)}}`,
    'too-deep',
    /more than 64 levels/,
  ],
  ['900 kB', JSON.stringify({ text: 'x'.repeat(900_000) }), 'too-large', /900011 bytes; the limit is 524288/],
  ['__proto__', '{"__proto__":{"admin":true}}', 'invalid-envelope', /"__proto__"/],
  ['__proto__ with no object', '{"__proto__":1}', 'invalid-envelope', /"__proto__"/],
  ['__proto__ within', '{"a":[{"b":{"__proto__":{"admin":true}}}]}', 'invalid-envelope', /"__proto__"/],
  ['__proto__ in escapes', '{"__\\u0070roto__":{"admin":true}}', 'invalid-envelope', /"__proto__"/],
  ['constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}', 'invalid-envelope', /"constructor"/],
  ['constructor.prototype within', '{"a":{"constructor":{"prototype":1}}}', 'invalid-envelope', /"constructor"/],
  ['an event_type that is a number', { event_type: 1 }, 'invalid-envelope', /event_type is the number 1/],
  ['an event_type that is null', { event_type: null }, 'invalid-envelope', /event_type is null/],
  ['an empty event_type', { event_type: '' }, 'invalid-envelope', /event_type is ""/],
  ['an event_id that is a number', { event_id: 7 }, 'invalid-envelope', /event_id is the number 7/],
  ['an event_id that is an object', { event_id: {} }, 'invalid-envelope', /event_id is an object/],
  ['an id of no byte', { event_id: '' }, 'invalid-envelope', /1–256 bytes/],
  ['an id of 257 bytes', { event_id: 'x'.repeat(257) }, 'invalid-envelope', /1–256 bytes/],
  ['an id of 129 characters of 2 bytes', { event_id: 'é'.repeat(129) }, 'invalid-envelope', /1–256 bytes/],
  ['a timestamp that is a number', { timestamp: 1_778_600_000 }, 'invalid-envelope', /timestamp is the number/],
  ['a timestamp that is null', { timestamp: null }, 'invalid-envelope', /timestamp is null/],
  ['a timestamp without an offset', { timestamp: '2026-05-12T19:03:11' }, 'invalid-envelope', /ISO 8601/],
  ['a day without a time', { timestamp: '2026-05-12' }, 'invalid-envelope', /ISO 8601/],
  ['a time in words', { timestamp: 'yesterday' }, 'invalid-envelope', /ISO 8601/],
  ['a 13th month', { timestamp: '2026-13-01T00:00:00Z' }, 'invalid-envelope', /ISO 8601/],
  ['a 30th of February', { timestamp: '2026-02-30T00:00:00Z' }, 'invalid-envelope', /ISO 8601/],
  ['a 29th of February in a common year', { timestamp: '2026-02-29T00:00:00+01:00' }, 'invalid-envelope', /ISO 8601/],
  ['a 25th hour', { timestamp: '2026-01-01T25:00:00Z' }, 'invalid-envelope', /ISO 8601/],
  ['an offset of 99 hours', { timestamp: '2026-01-01T00:00:00+99:00' }, 'invalid-envelope', /ISO 8601/],
  ['an id beyond 2^53', '{"id":1497549923779084388}', 'inexact-number', /^id: 1497549923779084388 would be rounded to/],
  ['a number beyond all', '{"a":[{"b":1e400}]}', 'inexact-number', /^a\.0\.b: 1e400 would be too large/],
  ['more digits than are kept', '{"a":0.12345678901234567891}', 'inexact-number', /write it as a string/],
  [
    'too many hops',
    {},
    'too-many-hops',
    /33 events away from the first; the limit is 32/,
    { headers: { 'x-hops': '33' } },
  ],
  ['hops beyond counting', {}, 'too-many-hops', /limit is 32/, { headers: { 'x-hops': '9'.repeat(40) } }],
];

test.each(MALFORMED)('refuses %s', (_what, payload, reason, says, ...[given]) => {
  const result = read(payload, given);
  expect(result).toMatchObject({ kind: 'invalid', reason });
  expect((result as Invalid).error.message).toMatch(says);
  expect((result as Invalid).error.message.length).toBeLessThan(300);
});

test('refuses a message whose header block is malformed, and keeps the cause', () => {
  const cause = new Error('bad header');
  const headers = (): never => {
    throw cause;
  };
  expect(read({}, { headers })).toMatchObject({ kind: 'invalid', reason: 'invalid-envelope', error: { cause } });
});

test('checks the size first, so that a payload that is too large is not parsed', () => {
  const headers = (): never => {
    throw new Error('looked');
  };
  expect(read(Buffer.alloc(524_289), { headers })).toMatchObject({ reason: 'too-large' });
});

const REASONS = ['inexact-number', 'invalid-json', 'invalid-envelope', 'too-large', 'too-deep', 'too-many-hops'];
const headerArb = fc.dictionary(
  fc.constantFrom('Nats-Msg-Id', 'x-hops', 'content-type', 'ce-specversion', 'ce-id', 'CE-Type', 'ce-time', 'other'),
  fc.oneof(
    fc.string(),
    fc.constantFrom('application/cloudevents+json', '1.0', '33', '%', '%zz', '2026-05-12T19:03:11Z'),
  ),
);

function isDecodedOrInvalid(payload: unknown, headers: Record<string, string>): void {
  const result = read(payload, { headers });
  if (result.kind === 'invalid') {
    expect(REASONS).toContain(result.reason);
    expect(typeof result.error.message).toBe('string');
    return;
  }
  const { event_type, event_id, timestamp } = result.envelope;
  expect(typeof event_type === 'string' && event_type !== '').toBe(true);
  expect(Buffer.byteLength(event_id)).toBeGreaterThanOrEqual(1);
  expect(Buffer.byteLength(event_id)).toBeLessThanOrEqual(256);
  expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(Number.isNaN(Date.parse(timestamp))).toBe(false);
  expect(result.hops).toBeGreaterThanOrEqual(0);
  expect(Object.getPrototypeOf(result.fields)).toBe(Object.prototype);
  expect(Object.hasOwn(result.fields, '__proto__')).toBe(false);
  // The data of a CloudEvent has its own namespace.
  if (result.cloudEvent) return;
  for (const key of ['event_type', 'event_id', 'timestamp']) expect(Object.hasOwn(result.fields, key)).toBe(false);
}

test('any bytes are an event or refused for a known reason, never an exception', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), headerArb, isDecodedOrInvalid));
});

test('any JSON value is an event or refused for a known reason, never an exception', () => {
  const value = fc.oneof(
    fc.json(),
    fc
      .record(
        { event_type: fc.jsonValue(), event_id: fc.jsonValue(), timestamp: fc.jsonValue(), data: fc.jsonValue() },
        { requiredKeys: [] },
      )
      .map((fields) => JSON.stringify(fields)),
    fc
      .record(
        {
          specversion: fc.jsonValue(),
          type: fc.jsonValue(),
          id: fc.jsonValue(),
          time: fc.jsonValue(),
          data: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((fields) => JSON.stringify(fields)),
  );
  fc.assert(fc.property(value, headerArb, isDecodedOrInvalid), { numRuns: 300 });
});

test('the fields that reach a handler are those that were sent', () => {
  const key = fc
    .string()
    .filter((name) => !['__proto__', 'constructor', 'event_type', 'event_id', 'timestamp'].includes(name));
  const fields = fc.dictionary(key, fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)));
  fc.assert(
    fc.property(fields, (sent) => {
      const json = JSON.stringify(sent);
      expect(decoded(json).fields).toEqual(JSON.parse(json));
    }),
  );
});

test('every day of a month is a valid timestamp, and no other day is', () => {
  for (let month = 1; month <= 12; month++) {
    for (let day = 0; day <= 32; day++) {
      const timestamp = `2026-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T10:00:00.5Z`;
      const isDay = day > 0 && day <= new Date(Date.UTC(2026, month, 0)).getUTCDate();
      expect([timestamp, utc(timestamp)]).toEqual([timestamp, isDay ? timestamp : undefined]);
    }
  }
});
