import fc from 'fast-check';
import { attributeHeaders } from '../../../host/message/cloud-events';
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

test('decodes every attribute that the NATS binding encodes', () => {
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

const MINIMAL = { specversion: '1.0', type: 't', id: 'i', source: '/a' };

test.each<[string, object, Record<string, string>]>([
  ['without any header', MINIMAL, {}],
  ['under another content type', MINIMAL, { 'Content-Type': 'application/json' }],
  ['beside headers of its own', MINIMAL, { traceparent: '00-1' }],
])('recognises a structured CloudEvent %s', (_what, event, headers) => {
  expect(read({ ...event, data: { user_id: 'u1' } }, headers)).toMatchObject({
    envelope: { event_type: 't', event_id: 'i', timestamp: STORED_AT },
    fields: { user_id: 'u1' },
  });
});

test.each<[string, object]>([
  ['source', { ...MINIMAL, source: undefined }],
  ['a source that is not null', { ...MINIMAL, source: null }],
  ['a specversion that is a string', { ...MINIMAL, specversion: 1 }],
  ['a place for its own event_type', { ...MINIMAL, event_type: 'video.watch_started' }],
])('takes an event without %s for a plain one', (_what, event) => {
  const given = JSON.parse(JSON.stringify(event)) as Record<string, unknown>;
  const { event_type: _type, ...fields } = given;
  expect(read(event, {})).toMatchObject({ envelope: { event_type: 'video.watch_started' }, fields });
  expect(read(event, {})).not.toHaveProperty('cloudEvent.data');
});

test.each<[string, object, string]>([
  ['a number as its id', { ...MINIMAL, id: 7 }, 'the id of the CloudEvent is the number 7, not a non-empty string'],
  ['an empty id', { ...MINIMAL, id: '' }, 'the id of the CloudEvent is "", not a non-empty string'],
  [
    'an object as its type',
    { ...MINIMAL, type: {} },
    'the type of the CloudEvent is an object, not a non-empty string',
  ],
  ['a number as its source', { ...MINIMAL, source: 7 }, 'the source of the CloudEvent is the number 7, not a'],
])('a CloudEvent with %s is refused, with and without headers', (_what, event, error) => {
  for (const headers of [{}, STRUCTURED]) {
    expect(read(event, headers)).toMatchObject({
      reason: 'invalid-envelope',
      error: expect.objectContaining({ message: expect.stringContaining(error) }),
    });
  }
});

test('an attribute that is null is unset', () => {
  const event = { ...MINIMAL, time: null, subject: null, partitionkey: null, dataschema: null, data: { a: null } };
  expect(read(event, STRUCTURED)).toMatchObject({
    envelope: { timestamp: STORED_AT },
    fields: { a: null },
    cloudEvent: { attributes: MINIMAL },
  });
  expect(Object.keys((read(event, STRUCTURED) as Decoded).cloudEvent!.attributes)).toEqual(Object.keys(MINIMAL));
  expect(read({ ...MINIMAL, type: null }, STRUCTURED)).toMatchObject({ reason: 'invalid-envelope' });
  expect(read({ ...MINIMAL, data_base64: null, data: { a: 1 } }, STRUCTURED)).toMatchObject({ fields: { a: 1 } });
});

test.each<[string, unknown, Record<string, string>]>([
  ['structured, without data', MINIMAL, STRUCTURED],
  ['structured, with data that is null', { ...MINIMAL, data: null }, STRUCTURED],
  ['structured, without headers', MINIMAL, {}],
  ['binary, with no payload', '', BINARY],
  ['binary, with an empty object', {}, BINARY],
])('an event may have no data: %s', (_what, payload, headers) => {
  expect(read(payload, headers)).toMatchObject({ kind: 'decoded', fields: {}, cloudEvent: { data: {} } });
});

test('an empty payload is still refused where the event is no CloudEvent', () => {
  expect(read('', { 'ce-id': 'i' })).toMatchObject({ reason: 'invalid-json' });
});

const DATA = { timestamp: 1715540591, event_id: 77, event_type: { own: true }, a: 1 };

test.each<[string, unknown, Record<string, string>]>([
  ['structured', { ...MINIMAL, data: DATA }, STRUCTURED],
  ['binary', DATA, BINARY],
])('the members of data that are named like the envelope stay apart from it: %s', (_mode, payload, headers) => {
  const { envelope, fields, cloudEvent } = read(payload, headers) as Decoded;
  expect(envelope.timestamp).toBe(STORED_AT);
  expect(envelope.event_id).toMatch(/^(i|ce1)$/);
  expect(fields).toEqual(DATA);
  expect(cloudEvent!.data).toEqual(DATA);
});

test('reads a JSON object in data_base64, and checks it as it checks any payload', () => {
  const base64 = (text: string) => ({ ...MINIMAL, data_base64: Buffer.from(text).toString('base64') });
  expect(read(base64('{"user":"Ünï"}'), STRUCTURED)).toMatchObject({ fields: { user: 'Ünï' } });
  expect(read(base64('{"id":9007199254740993}'), STRUCTURED)).toMatchObject({ reason: 'inexact-number' });
  expect(read(base64('{"__proto__":{}}'), STRUCTURED)).toMatchObject({ reason: 'invalid-envelope' });
  expect(read(base64('{"a":'.repeat(70) + '1' + '}'.repeat(70)), STRUCTURED)).toMatchObject({ reason: 'too-deep' });
});

test('the attributes are the same in both modes, and the binary mode has them in headers in the encoding of the binding', () => {
  const attributes = { ...MINIMAL, source: '/tv 1', partitionkey: 'käse 100%' };
  const structured = (read({ ...attributes, data: {} }, STRUCTURED) as Decoded).cloudEvent!;
  expect(structured.attributes).toEqual(attributes);
  const headers = attributeHeaders(structured);
  expect(headers).toMatchObject({ 'ce-source': '/tv%201', 'ce-partitionkey': 'k%C3%A4se%20100%25', 'ce-id': 'i' });
  expect((read({}, headers) as Decoded).cloudEvent!.attributes).toEqual(attributes);
});

test('attributes may be numbers and truth values', () => {
  const { cloudEvent } = read({ ...MINIMAL, sequence: 7, sampled: true }, STRUCTURED) as Decoded;
  expect(cloudEvent!.attributes).toMatchObject({ sequence: 7, sampled: true });
  expect(attributeHeaders(cloudEvent!)).toMatchObject({ 'ce-sequence': '7', 'ce-sampled': 'true' });
});

const NOT_JSON_DATA = /data of the CloudEvent is not a JSON object/;

test.each<[string, object, Record<string, string>, RegExp]>([
  ['a structured one without specversion', { type: 't', id: 'i', data: {} }, STRUCTURED, /without specversion/],
  ['a structured one without type', { specversion: '1.0', id: 'i', data: {} }, STRUCTURED, /has no type/],
  ['a structured one without id', { specversion: '1.0', type: 't', data: {} }, STRUCTURED, /has no id/],
  ['an id that is a number', { specversion: '1.0', type: 't', id: 1, data: {} }, STRUCTURED, /is the number 1/],
  ['data_base64', { specversion: '1.0', type: 't', id: 'i', data_base64: 'AA==' }, STRUCTURED, /data_base64/],
  ['data_base64 that is a number', { ...MINIMAL, data_base64: 1 }, STRUCTURED, /data_base64 .* not a string/],
  ['data_base64 of bytes', { ...MINIMAL, data_base64: '//4=' }, STRUCTURED, /data_base64/],
  ['data_base64 of an array', { ...MINIMAL, data_base64: 'W10=' }, STRUCTURED, /data_base64 .* is an array/],
  ['data and data_base64', { ...MINIMAL, data: {}, data_base64: 'e30=' }, STRUCTURED, /both/],
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
