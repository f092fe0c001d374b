/** The AsyncAPI document, by AsyncAPI's own JSON Schema. test/slow/async-api.test.ts asks the official parser. */
import asyncApiSchema from '@asyncapi/specs/schemas/3.1.0-without-$id.json';
import Ajv from 'ajv';
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import { asyncApiOf, jsonSchemasOf } from '../../../host/cli/async-api';
import { catalogueOf } from '../../../host/ops/event-catalogue';
import { contractRecord } from '../../support/contract-record';
import { STRANGE } from '../../support/strange-contracts';

const Watched = defineEvent('video.watched', z.object({ id: z.string() }));
const Other = defineEvent('video.watched', z.object({ id: z.int() }));
const Awarded = defineEvent('badge.awarded', z.object({ count: z.int() }));

const validate = new Ajv({ strict: false, validateFormats: false }).compile(asyncApiSchema);

interface Document {
  readonly info: { readonly version: string; readonly description: string };
  readonly channels: Record<string, Record<string, unknown>>;
  readonly operations: Record<string, Record<string, unknown>>;
  readonly components: Record<'messages' | 'schemas', Record<string, object>>;
}

/** The document of these records, which is valid. */
function documentOf(...records: Parameters<typeof catalogueOf>[0]): Document {
  const document = asyncApiOf(catalogueOf(records), 'Events of test');
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
  return document as Document;
}

test('the check of the document notices a mistake', () => {
  const document = documentOf(contractRecord('badge', { handles: { Watched } }));
  document.operations['badge.watched']!['action'] = 'take';
  expect(validate(document)).toBe(false);
});

test('a handler receives from the channel of its subject, with its durable, retries and dead letters', () => {
  const { channels, operations } = documentOf(contractRecord('badge', { handles: { Watched } }));
  expect(channels).toEqual({
    'video.watched': {
      address: 'video.watched',
      messages: { Watched: { $ref: '#/components/messages/Watched' } },
      'x-jetstream': { stream: 'EVENTS', subject: 'video.watched' },
    },
  });
  expect(operations).toEqual({
    'badge.watched': {
      action: 'receive',
      channel: { $ref: '#/channels/video.watched' },
      messages: [{ $ref: '#/channels/video.watched/messages/Watched' }],
      tags: [{ name: 'badge' }],
      'x-jetstream': {
        ...{ plugin: 'badge', version: 'v1', isolation: 'inline', stream: 'EVENTS', subject: 'video.watched' },
        ...{ durable: 'badge-watched', from: 'new', ackWait: '15s', maxAckPending: 5_000 },
        ...{ concurrency: 8, timeout: '30s', key: null, batch: null },
        retry: { attempts: 5, backoff: ['1s', '5s'] },
        deadLetters: { stream: 'DEAD', subject: 'dead.badge.watched.EVENTS.*' },
      },
    },
  });
});

test('a plugin sends each event that it publishes, with or without a contract', () => {
  const publishes = { Awarded, raw: 'badge.lost' };
  const { channels, operations } = documentOf(contractRecord('badge', { publishes }));
  expect(operations['badge.publishes.badge.awarded']).toMatchObject({ action: 'send' });
  expect(operations['badge.publishes.badge.lost']).toMatchObject({
    action: 'send',
    messages: [{ $ref: '#/channels/badge.lost/messages/any.event' }],
  });
  expect(channels['badge.lost']).toMatchObject({ description: 'No stream of the config holds this subject.' });
});

test('a wildcard becomes a parameter, and the channel has each known message that matches', () => {
  const handles = { all: 'video.>', one: '*.awarded', odd: 'a.{b}.ü', literal: 'video.all' };
  const records = [contractRecord('log', { handles }), contractRecord('badge', { handles: { Watched } })];
  const { channels } = documentOf(...records);
  expect(channels['video.all']).toMatchObject({
    address: 'video.{rest}',
    parameters: { rest: {} },
    messages: { Watched: {}, 'any.event': {} },
  });
  expect(channels['any.awarded']).toMatchObject({ address: '{token1}.awarded', parameters: { token1: {} } });
  expect(channels['video.all-2']).toMatchObject({ address: 'video.all' });
  expect(channels['a._b_._']).toMatchObject({ address: 'a.%7Bb%7D.ü', 'x-jetstream': { subject: 'a.{b}.ü' } });
});

test('a contract of several plugins appears once, in the same document whatever the order', () => {
  const records = ['badge', 'ranking'].map((name) => contractRecord(name, { handles: { Watched } }));
  const document = documentOf(...records);
  expect(Object.keys(document.components.messages)).toEqual(['Watched']);
  expect(documentOf(...records.toReversed())).toEqual(document);
});

test('different contracts on one subject both appear, with a warning', () => {
  const records = [
    contractRecord('badge', { handles: { Watched } }),
    contractRecord('ranking', { handles: { Watched: Other } }),
  ];
  const { channels, info } = documentOf(...records);
  expect(Object.keys(channels['video.watched']!['messages']!)).toEqual(['Watched', 'Watched-2']);
  const warning = 'video.watched has 2 different contracts: Watched (badge), Watched-2 (ranking)';
  expect(catalogueOf(records).warnings).toEqual([warning]);
  expect(info.description).toContain(`Warning: ${warning}.`);
});

test('strange contracts make a valid document, which says what it leaves out', () => {
  const { components } = documentOf(contractRecord('strange', { handles: STRANGE, publishes: { other: 's.*' } }));
  expect(components.schemas).toMatchObject({
    Fields: { $comment: expect.stringContaining('a field named $ref is left out') as unknown },
    Elsewhere: { $comment: expect.stringContaining('http://127.0.0.1:1/b is left out') as unknown },
    Dates: { $comment: expect.stringContaining('#/properties/at: Date cannot be represented') as unknown },
  });
});

const VALID: Record<string, object> = {
  Itself: { name: 'a', children: [{ name: 'b', children: [] }] },
  Tree: { root: { name: 'a' }, other: { name: 'b' } },
  Closed: { a: '' },
  OneOf: { x: 1, y: 2 },
  Reference: { a: 1 },
  Elsewhere: { b: '' },
};
const INVALID: Record<string, object> = {
  Itself: { name: 'a', children: [{}] },
  Tree: { root: { name: 'a' }, other: {} },
  Closed: { a: '', b: 1 },
  OneOf: { x: 1, y: 2, z: 3 },
  Reference: {},
  Elsewhere: { b: 1 },
};

test.each(Object.keys(VALID))('the JSON Schema of %s accepts its events with and without envelope', (name) => {
  const schemas = jsonSchemasOf(catalogueOf([contractRecord('strange', { handles: STRANGE })]), 'Events of test');
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(schemas, 'events');
  const accepts = (event: object): boolean => ajv.validate(`events#/definitions/${name}`, event);
  const envelope = { event_type: STRANGE[name]!.subject, event_id: 'e1', timestamp: '2026-05-12T19:03:11Z' };
  expect(accepts({ ...envelope, ...VALID[name] })).toBe(true);
  expect(accepts(VALID[name]!)).toBe(true);
  expect(accepts({ ...envelope, ...INVALID[name] })).toBe(false);
  expect(accepts({ ...envelope, ...VALID[name], event_type: 'another' })).toBe(false);
});
