import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { equalsItsJson, findNotJson } from '../../../host/effects/json-value';
import { defineEvent } from '../../../sdk';
import type { StandardSchemaV1 } from '@standard-schema/spec';

class Money {
  constructor(readonly cents: number) {}
}
class Decimal extends Money {
  toJSON(): string {
    return String(this.cents);
  }
}
const anything: StandardSchemaV1<unknown, object> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as object }) },
};
class Watched extends defineEvent('video.watched', anything) {}
const ENVELOPE = { event_type: 'video.watched', event_id: 'e', timestamp: '2026-05-12T19:03:11Z' };

const circular: { self?: unknown; list: unknown[] } = { list: [] };
circular.list.push({ a: circular });
const chain: { next?: object } = {};
let last = chain;
for (let i = 0; i < 100; i++) last = last.next = {} as { next?: object };
last.next = chain;
const revoked = Proxy.revocable({}, {});
revoked.revoke();

test.each<[string, unknown, string]>([
  ['NaN', NaN, 'NaN'],
  ['infinity', Infinity, 'Infinity'],
  ['minus infinity', -Infinity, '-Infinity'],
  ['a bigint', 5n, 'a bigint'],
  ['a function', () => 1, 'a function'],
  ['a class', Money, 'a function'],
  ['a symbol', Symbol('s'), 'a symbol'],
  ['a Map', new Map([['a', 1]]), 'a Map, which is no plain object and has no toJSON'],
  ['a Set', new Set([1]), 'a Set, which is no plain object and has no toJSON'],
  ['a WeakMap', new WeakMap(), 'a WeakMap, which is no plain object and has no toJSON'],
  ['a RegExp', /a/, 'a RegExp, which is no plain object and has no toJSON'],
  ['an Error', new TypeError('x'), 'a TypeError, which is no plain object and has no toJSON'],
  ['a Promise', Promise.resolve(1), 'a Promise, which is no plain object and has no toJSON'],
  ['an instance of a class', new Money(5), 'a Money, which is no plain object and has no toJSON'],
  ['an object that inherits', Object.create({ a: 1 }), 'an Object, which is no plain object and has no toJSON'],
  ['a boxed number', Object(1), 'a Number, which is no plain object and has no toJSON'],
  ['a Buffer', Buffer.from('a'), 'a Buffer, which is bytes'],
  ['a typed array', new Float64Array(1), 'a Float64Array, which is bytes'],
  ['an ArrayBuffer', new ArrayBuffer(1), 'an ArrayBuffer, which is bytes'],
  ['an invalid Date', new Date(NaN), 'an invalid Date'],
  ['a Map of another realm', runInNewContext('new Map()'), 'a Map, which is no plain object and has no toJSON'],
  ['a toJSON that gives NaN', { toJSON: () => NaN }, 'NaN'],
  ['a toJSON that gives a Map', { toJSON: () => new Map() }, 'a Map, which is no plain object and has no toJSON'],
  ['a revoked Proxy', revoked.proxy, expect.stringMatching(/^not to be read: .*revoked/) as string],
])('%s is found, with its path', (_what, value, what) => {
  expect(findNotJson(value)).toEqual({ path: '', what });
  expect(findNotJson({ ok: [1, { 'a b': value }] })).toEqual({ path: 'ok.1.a b', what });
});

test('undefined is found in lists, holes too, and a field that is undefined counts as left out', () => {
  expect(findNotJson({ a: [1, undefined] })).toEqual({ path: 'a.1', what: 'undefined in a list' });
  // eslint-disable-next-line no-sparse-arrays -- it is what is tested
  expect(findNotJson([1, , 3])).toEqual({ path: '1', what: 'undefined in a list' });
  expect(findNotJson({ a: undefined, b: [{ c: undefined }] })).toBeUndefined();
});

test('an object that contains itself is found at any depth, and an object that occurs twice is accepted', () => {
  expect(findNotJson(circular)).toMatchObject({ what: 'an object that contains itself' });
  expect(findNotJson(chain)).toMatchObject({ what: 'an object that contains itself' });
  expect(findNotJson(chain)!.path.length).toBeLessThan(110);
  const shared = { a: 1 };
  expect(findNotJson({ x: shared, y: [shared, shared] })).toBeUndefined();
});

test('a value too deep to be walked, and one that throws when it is read, are found', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  expect(findNotJson(deep)).toMatchObject({ what: expect.stringContaining('not to be read') });
  const thrower = {
    ok: 1,
    get bad(): never {
      throw new Error('no');
    },
  };
  expect(findNotJson([thrower])).toEqual({ path: '0.bad', what: 'not to be read: no' });
});

test.each<[string, unknown]>([
  ['a Date', new Date(0)],
  ['an instance with a toJSON', new Decimal(5)],
  ['a URL', new URL('http://127.0.0.1/')],
  [
    'a toJSON that gives its own instance',
    new (class Self {
      a = 1;
      toJSON() {
        return this;
      }
    })(),
  ],
  ['an event of a contract', new Watched({ ...ENVELOPE, a: 1 } as never)],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ['an object of another realm', runInNewContext('({ a: [1, { b: new Date(0) }] })')],
  ['half a surrogate pair', '\ud800'],
  ['minus zero', { a: -0 }],
])('%s is JSON', (_what, value) => {
  expect(findNotJson(value)).toBeUndefined();
  expect(findNotJson({ a: [value] })).toBeUndefined();
});

test('every JSON value is accepted, with any keys', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => findNotJson(JSON.parse(JSON.stringify(value))) === undefined));
});

test('an accepted value survives a round trip through JSON, except undefined fields, dates and minus zero', () => {
  const value = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    withBoxedValues: true,
  });
  const seen = { passed: 0 };
  fc.assert(
    fc.property(value, (given) => {
      if (given === undefined || findNotJson(given)) return;
      seen.passed++;
      expect(JSON.parse(JSON.stringify(given))).toEqual(plain(given));
    }),
    { numRuns: 2_000 },
  );
  expect(seen.passed).toBeGreaterThan(100);
});

test.each<[string, unknown, boolean]>([
  ['plain values', { a: [1, 'x', null, { b: true }] }, true],
  ['a number', 3, true],
  ['negative zero', [-0], false],
  ['a field that is undefined', { a: { b: undefined } }, false],
  ['a Date', { at: new Date(0) }, false],
  ['an object with a toJSON', { toJSON: () => 1 }, false],
  ['an object of a class', new Money(1), false],
  ['an object without a prototype', Object.create(null), false],
])('whether JSON keeps %s as it is', (_, value, expected) => {
  expect(equalsItsJson(value)).toBe(expected);
});

test('a value that equals its JSON is the result of parsing it', () => {
  const seen = { equal: 0 };
  fc.assert(
    fc.property(fc.oneof(fc.anything({ withDate: true, withNullPrototype: true }), fc.jsonValue()), (given) => {
      if (given === undefined || findNotJson(given) || !equalsItsJson(given)) return;
      seen.equal++;
      expect(JSON.parse(JSON.stringify(given))).toStrictEqual(given);
    }),
    { numRuns: 2_000 },
  );
  expect(seen.equal).toBeGreaterThan(100);
});

function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([key, field]) => [key, plain(field)]));
}
