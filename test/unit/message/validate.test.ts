import { runInThisContext } from 'node:vm';
import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Decoded } from '../../../host/message/decode';
import type { Invalid } from '../../../host/message/outcome';
import { listIssues, validate, type Validated } from '../../../host/message/validate';
import type { EventContract } from '../../../sdk/internal';

const ENVELOPE = { event_type: 'video.watch_started', event_id: 'e1', timestamp: '2026-05-12T12:00:00.000Z' };

class VideoWatchStarted extends defineEvent(
  'video.watch_started',
  z.object({ user_id: z.string().min(1), quality: z.string().default('hd') }),
) {}

function decoded(fields: Record<string, unknown>, event_type = ENVELOPE.event_type): Decoded {
  return { kind: 'decoded', envelope: { ...ENVELOPE, event_type }, fields, hops: 0 };
}

/** A contract whose schema validates with this function. */
function contractOf(answer: (fields: unknown) => unknown): EventContract {
  const schema = { '~standard': { version: 1, vendor: 'test', validate: answer } } as StandardSchemaV1<unknown, object>;
  return defineEvent('video.watch_started', schema);
}

test('an event that fits is an instance of its contract, with defaults and envelope', () => {
  const { event } = validate(decoded({ user_id: 'u1' }), VideoWatchStarted) as Validated;
  expect(event).toBeInstanceOf(VideoWatchStarted);
  expect(event).toEqual({ ...ENVELOPE, user_id: 'u1', quality: 'hd' });
});

test('fields that the contract does not know are dropped where its schema drops them', () => {
  const { event } = validate(decoded({ user_id: 'u1', extra: 1 }), VideoWatchStarted) as Validated;
  expect(event).not.toHaveProperty('extra');
  const loose = defineEvent('video.watch_started', z.looseObject({ user_id: z.string() }));
  expect((validate(decoded({ user_id: 'u1', extra: 1 }), loose) as Validated).event).toHaveProperty('extra', 1);
  const strict = defineEvent('video.watch_started', z.strictObject({ user_id: z.string() }));
  expect(validate(decoded({ user_id: 'u1', extra: 1 }), strict)).toMatchObject({ reason: 'schema' });
});

test('an event that does not fit is refused with each field that is wrong', () => {
  const result = validate(decoded({ user_id: '', quality: 1 }), VideoWatchStarted) as Invalid;
  expect(result).toMatchObject({ kind: 'invalid', reason: 'schema' });
  expect(result.error.message).toMatch(/user_id: .*; quality: .*/);
});

test('the issues have the path of each field, with * for the index in a list', () => {
  const contract = defineEvent('video.watch_started', z.object({ a: z.object({ tags: z.array(z.string()) }) }));
  const { issues } = validate(decoded({ a: { tags: ['x', 1, 2] } }), contract) as Invalid;
  const message = 'Invalid input: expected string, received number';
  expect(issues).toEqual([
    { field: 'a.tags.*', message },
    { field: 'a.tags.*', message },
  ]);
});

test('an event of another type is refused, and both types are named', () => {
  const result = validate(decoded({ user_id: 'u1' }, 'video.published'), VideoWatchStarted) as Invalid;
  expect(result).toMatchObject({ kind: 'invalid', reason: 'invalid-envelope' });
  expect(result.error.message).toBe('event_type is "video.published"; the handler takes "video.watch_started"');
});

test('an event under an earlier subject of the handler has that subject as its type, and is validated', () => {
  const earlier = { ...decoded({ user_id: 'u1' }, 'video.watched'), subject: 'video.watched' };
  expect((validate(earlier, VideoWatchStarted) as Validated).event).toMatchObject({ event_type: 'video.watched' });
  expect(validate({ ...earlier, fields: {} }, VideoWatchStarted)).toMatchObject({ reason: 'schema' });
});

test('a schema cannot change the envelope', () => {
  const forging = contractOf(() => ({ value: { event_id: 'forged', event_type: 'forged', user_id: 'u1' } }));
  expect((validate(decoded({}), forging) as Validated).event).toEqual({ ...ENVELOPE, user_id: 'u1' });
});

test('a handler on a raw subject gets any object with its envelope', () => {
  const { event } = validate(decoded({ anything: [1] }, 'a.b'), undefined) as Validated;
  expect(event).toEqual({ ...ENVELOPE, event_type: 'a.b', anything: [1] });
});

test('an event that is invalid already passes through as it is', () => {
  const invalid: Invalid = { kind: 'invalid', reason: 'too-deep', error: new Error('deep') };
  expect(validate(invalid, VideoWatchStarted)).toBe(invalid);
});

test('an asynchronous schema is awaited', async () => {
  const contract = defineEvent(
    'video.watch_started',
    z.object({ user_id: z.string() }).refine(async ({ user_id }) => Promise.resolve(user_id !== 'banned')),
  );
  expect(await validate(decoded({ user_id: 'u1' }), contract)).toMatchObject({
    kind: 'validated',
    event: { user_id: 'u1' },
  });
  expect(await validate(decoded({ user_id: 'banned' }), contract)).toMatchObject({ kind: 'invalid', reason: 'schema' });
});

const BROKEN: [what: string, thrown: unknown, says: RegExp][] = [
  ['an Error', new Error('broken'), /the schema threw: broken/],
  ['text', 'broken', /the schema threw: .?broken/],
  ['undefined', undefined, /the schema threw: undefined/],
  ['a symbol', Symbol('broken'), /the schema threw: Symbol\(broken\)/],
  ['an object without a prototype', Object.create(null), /the schema threw: /],
];

test.each(BROKEN)('a schema that throws %s refuses the event', async (_what, thrown, says) => {
  const broken = contractOf(() => {
    throw thrown;
  });
  const error = thrown as Error;
  const rejecting = contractOf(() => Promise.reject(error));
  for (const result of [validate(decoded({}), broken), await validate(decoded({}), rejecting)]) {
    expect(result).toMatchObject({ kind: 'invalid', reason: 'schema' });
    expect((result as Invalid).error.message).toMatch(says);
  }
});

test('a contract whose constructor throws refuses the event, with a synchronous or an asynchronous schema', async () => {
  const sync = contractOf(() => ({ value: {} }));
  const async = contractOf(() => Promise.resolve({ value: {} }));
  for (const contract of [sync, async]) {
    class Guarded extends (contract as unknown as new (event: object) => object) {
      constructor(event: object) {
        super(event);
        throw new Error('not today');
      }
    }
    const result = await validate(decoded({}), Guarded as unknown as EventContract);
    expect(result).toMatchObject({
      kind: 'invalid',
      reason: 'schema',
      error: { message: 'the schema threw: not today' },
    });
  }
});

test('a schema with a malformed result refuses the event', async () => {
  for (const answer of [undefined, null, Promise.resolve(undefined)]) {
    expect(
      await validate(
        decoded({}),
        contractOf(() => answer),
      ),
    ).toMatchObject({ kind: 'invalid', reason: 'schema' });
  }
});

test('an error lists at most ten issues', () => {
  const issues = Array.from({ length: 12 }, (_, i) => ({ message: 'wrong', path: ['list', { key: i }] }));
  expect(listIssues(issues)).toMatch(/^list\.0: wrong; .*list\.9: wrong; and 2 more$/);
  expect(listIssues([{ message: 'wrong' }])).toBe('wrong');
});

/** A contract with the class fields of the language, with any compiler of this test. */
function withFields(body: string, schema: z.ZodObject): EventContract {
  const parent = defineEvent('video.watch_started', schema);
  const extend = runInThisContext(`(Parent) => class Declared extends Parent { ${body} }`) as (
    p: object,
  ) => EventContract;
  return extend(parent);
}

const USER = z.object({ user_id: z.string(), role: z.string().optional(), n: z.number().default(7) });

test.each<[string, string, object]>([
  ['declared again', 'user_id;', { user_id: 'u1', role: 'admin' }],
  ['declared with a value of its own', "user_id = 'nobody'; role = 'guest'; n = 0;", { user_id: 'u1', role: 'admin' }],
  ['set in the constructor', "constructor(e) { super(e); this.role = 'guest'; }", { role: 'admin' }],
  [
    'hidden by one that cannot be set',
    "constructor(e) { super(e); Object.defineProperty(this, 'role', { value: 1, configurable: true }); }",
    { role: 'admin' },
  ],
])('a field of the schema that is %s has the validated value', (_what, body, expected) => {
  const { event } = validate(decoded({ user_id: 'u1', role: 'admin' }), withFields(body, USER)) as Validated;
  expect(event).toEqual({ ...ENVELOPE, user_id: 'u1', role: 'admin', n: 7, ...expected });
});

test('envelope fields that a contract redeclares are kept too', () => {
  const { event } = validate(decoded({ user_id: 'u1' }), withFields('event_id; timestamp = 0;', USER)) as Validated;
  expect(event).toMatchObject(ENVELOPE);
});

test('a field that is missing in the schema or the event keeps the class’s initial value', () => {
  const contract = withFields("tags = ['new']; role = 'guest'; label() { return this.user_id + this.tags[0]; }", USER);
  const { event } = validate(decoded({ user_id: 'u1' }), contract) as Validated;
  expect(event).toMatchObject({ user_id: 'u1', role: 'guest', tags: ['new'] });
  expect((event as unknown as { label(): string }).label()).toBe('u1new');
});

test('an accessor of the class stays what its author made it', () => {
  const body = 'get role() { return this.given.toUpperCase(); } set role(value) { this.given = value; }';
  const { event } = validate(decoded({ user_id: 'u1', role: 'admin' }), withFields(body, USER)) as Validated;
  expect(event).toHaveProperty('role', 'ADMIN');
});

test('a contract that freezes its events can be handled', () => {
  const contract = withFields('constructor(e) { super(e); Object.freeze(this); }', USER);
  expect((validate(decoded({ user_id: 'u1' }), contract) as Validated).event).toHaveProperty('user_id', 'u1');
});

test('data of a CloudEvent whose keys the envelope would hide is under data, for a handler on a raw subject', () => {
  const data = { timestamp: 5, a: 1 };
  const cloudEvent = { mode: 'binary', attributes: {}, data, envelope: {} } as const;
  const given = { ...decoded({ ...data }), cloudEvent };
  expect((validate(given, undefined) as Validated).event).toEqual({ ...ENVELOPE, a: 1, data });
  const plain = { ...decoded({ a: 1 }), cloudEvent: { ...cloudEvent, data: { a: 1 } } };
  expect((validate(plain, undefined) as Validated).event).toEqual({ ...ENVELOPE, a: 1 });
});

test('a schema sees all of the data of a CloudEvent', () => {
  const seen: unknown[] = [];
  const contract = contractOf((fields) => (seen.push(fields), { value: fields }));
  const cloudEvent = { mode: 'binary', attributes: {}, data: { timestamp: 5 }, envelope: {} } as const;
  const { event } = validate({ ...decoded({ timestamp: 5 }), cloudEvent }, contract) as Validated;
  expect(seen).toEqual([{ timestamp: 5 }]);
  expect(event.timestamp).toBe(ENVELOPE.timestamp);
});
