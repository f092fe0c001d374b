import fc from 'fast-check';
import { decode, type Decoded } from '../../../host/message/decode';
import type { Invalid } from '../../../host/message/outcome';
import { FakeDelivery, STORED_AT } from '../../support/message-bench';

const LIMITS = { maxPayloadBytes: 524_288, maxDepth: 64 };
const STRUCTURED = { 'Content-Type': 'application/cloudevents+json; charset=utf-8' };
const BINARY = { 'ce-specversion': '1.0', 'ce-type': 'video.watch_started', 'ce-id': 'ce1', 'ce-source': '/player' };

function read(payload: unknown, headers: Record<string, string>): Decoded | Invalid {
  return decode(new FakeDelivery(payload, { headers }), LIMITS);
}

test('reads a structured CloudEvent: its attributes are the envelope, its data the fields', () => {
  const event = {
    specversion: '1.0',
    type: 'video.watch_started',
    id: 'ce1',
    source: '/player',
    time: '2026-05-12T21:03:11+02:00',
    data: { user_id: 'u1' },
  };
  expect(read(event, STRUCTURED)).toMatchObject({
    envelope: { event_type: 'video.watch_started', event_id: 'ce1', timestamp: '2026-05-12T19:03:11.000Z' },
    fields: { user_id: 'u1' },
  });
});

test('reads a binary CloudEvent: its attributes are headers, its body the fields', () => {
  expect(read({ user_id: 'u1' }, { ...BINARY, 'ce-time': '2026-05-12T19:03:11Z' })).toMatchObject({
    envelope: { event_type: 'video.watch_started', event_id: 'ce1', timestamp: '2026-05-12T19:03:11Z' },
    fields: { user_id: 'u1' },
  });
});

test('reads header names in any case', () => {
  const shouted = Object.fromEntries(Object.entries(BINARY).map(([name, value]) => [name.toUpperCase(), value]));
  expect(read({}, shouted)).toMatchObject({ envelope: { event_id: 'ce1' } });
  expect(
    read({ specversion: '1.0', type: 't', id: 'i', data: {} }, { 'CONTENT-TYPE': 'Application/CloudEvents+JSON' }),
  ).toMatchObject({
    envelope: { event_type: 't' },
  });
});

test('takes the stream’s time for a CloudEvent without one', () => {
  expect(read({}, BINARY)).toMatchObject({ envelope: { timestamp: STORED_AT } });
  expect(read({ specversion: '1.0', type: 't', id: 'i', data: {} }, STRUCTURED)).toMatchObject({
    envelope: { timestamp: STORED_AT },
  });
});

test.each([
  ['a%20b%25%22', 'a b%"'],
  ['caf%C3%A9', 'café'],
  ['%F0%9F%8E%AC', '🎬'],
  ['100%', '100%'],
  ['%zz', '%zz'],
  ['%C3', '%C3'],
  ['plain', 'plain'],
])('the header value %s stands for %s', (encoded, meant) => {
  expect(read({}, { ...BINARY, 'ce-id': encoded })).toMatchObject({ envelope: { event_id: meant } });
});

test('decodes whatever the NATS binding encodes', () => {
  const id = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => Buffer.byteLength(text) <= 256);
  fc.assert(
    fc.property(id, (meant) => {
      const sent = meant.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (char) => encodeURIComponent(char));
      expect(read({}, { ...BINARY, 'ce-id': sent })).toMatchObject({ envelope: { event_id: meant } });
    }),
  );
});

const NOT_JSON_DATA = /data of the CloudEvent is not a JSON object/;

test.each<[string, object, Record<string, string>, RegExp]>([
  ['a structured one without specversion', { type: 't', id: 'i', data: {} }, STRUCTURED, /without specversion/],
  ['a structured one without type', { specversion: '1.0', id: 'i', data: {} }, STRUCTURED, /has no type/],
  ['a structured one without id', { specversion: '1.0', type: 't', data: {} }, STRUCTURED, /has no id/],
  ['an id that is a number', { specversion: '1.0', type: 't', id: 1, data: {} }, STRUCTURED, /has no id/],
  ['data_base64', { specversion: '1.0', type: 't', id: 'i', data_base64: 'AA==' }, STRUCTURED, /data_base64/],
  ['data that is text', { specversion: '1.0', type: 't', id: 'i', data: 'x' }, STRUCTURED, NOT_JSON_DATA],
  ['data that is an array', { specversion: '1.0', type: 't', id: 'i', data: [] }, STRUCTURED, NOT_JSON_DATA],
  [
    'a time that is none',
    { specversion: '1.0', type: 't', id: 'i', time: 'noon', data: {} },
    STRUCTURED,
    /timestamp is "noon"/,
  ],
  ['a binary one without type', {}, { 'ce-specversion': '1.0', 'ce-id': 'i' }, /has no type/],
  ['a binary one without id', {}, { 'ce-specversion': '1.0', 'ce-type': 't' }, /has no id/],
  ['a batch', [{}], { 'content-type': 'application/cloudevents-batch+json' }, /an array, not an object/],
])('refuses %s', (_what, body, headers, says) => {
  const result = read(body, headers);
  expect(result).toMatchObject({ kind: 'invalid', reason: 'invalid-envelope' });
  expect((result as Invalid).error.message).toMatch(says);
});

test('an event with stray ce- headers but no specversion is no CloudEvent', () => {
  expect(read({ event_id: 'own' }, { 'ce-id': 'other' })).toMatchObject({ envelope: { event_id: 'own' } });
});
