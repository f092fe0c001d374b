import fc from 'fast-check';
import { assertScope, escapeKey, unescapeKey } from '../../../host/effects/store-keys';

const MAX_BYTES = 512;

/** Well-formed strings of 1–512 bytes, in which characters that are special to NATS or the escaping are likely. */
const key = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(
        '.',
        '..',
        '=',
        '=.',
        '=2E',
        '*',
        '>',
        ' ',
        '/',
        '-',
        '_',
        'a',
        'Z',
        '0',
        '\r\n',
        '\0',
        'é',
        '🎬',
      ),
    ),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  .map((parts) => parts.join(''))
  .filter((text) => Buffer.byteLength(text) <= MAX_BYTES);
const scope = fc.option(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { nil: undefined });

test.each([
  ['u1', 'u1'],
  ['user/1_a-B', 'user/1_a-B'],
  ['a.b.c', 'a.b.c'],
  ['.a.', '=2Ea=2E'],
  ['a..b', 'a=2E.b'],
  ['.', '=2E'],
  ['...', '=2E=2E=2E'],
  ['a b', 'a=20b'],
  ['a=b', 'a=3Db'],
  ['*', '=2A'],
  ['>', '=3E'],
  ['é', '=C3=A9'],
  ['\r\nPUB x', '=0D=0APUB=20x'],
  ['__proto__', '__proto__'],
])('the key %j is %s on the server', (given, escaped) => {
  expect(escapeKey(given)).toBe(escaped);
  expect(unescapeKey(escaped)).toEqual({ key: given });
});

test('a key of a scope differs from every key without a scope', () => {
  expect(escapeKey('v1', 'videos')).toBe('videos=.v1');
  expect(unescapeKey('videos=.v1')).toEqual({ scope: 'videos', key: 'v1' });
  expect(escapeKey('videos=.v1')).toBe('videos=3D.v1');
  expect(escapeKey('.v1', 'videos')).toBe('videos=.=2Ev1');
});

test('any key can be read back, with its scope', () => {
  fc.assert(
    fc.property(key, scope, (given, within) => {
      expect(unescapeKey(escapeKey(given, within))).toEqual(
        within === undefined ? { key: given } : { scope: within, key: given },
      );
    }),
    { numRuns: 1_000 },
  );
});

test('every key is escaped to a key that NATS accepts', () => {
  fc.assert(
    fc.property(key, scope, (given, within) => {
      const escaped = escapeKey(given, within);
      expect(escaped).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
      expect(escaped).not.toMatch(/^\.|\.$|\.\./);
    }),
    { numRuns: 1_000 },
  );
});

test('two different keys have different names on the server, within a scope and across scopes', () => {
  fc.assert(
    fc.property(key, scope, key, scope, (a, inA, b, inB) => {
      expect(escapeKey(a, inA) === escapeKey(b, inB)).toBe(a === b && inA === inB);
    }),
    { numRuns: 1_000 },
  );
});

test('takes keys of 1 and of 512 bytes', () => {
  for (const given of ['x', 'x'.repeat(512), 'é'.repeat(256)]) expect(unescapeKey(escapeKey(given)).key).toBe(given);
});

test.each<[string, unknown]>([
  ['an empty one', ''],
  ['one of 513 bytes', 'x'.repeat(513)],
  ['one of 257 characters of 2 bytes', 'é'.repeat(257)],
  ['half a surrogate pair', 'a\ud800'],
  ['a number', 5],
  ['undefined', undefined],
  ['an object', { toString: () => 'x' }],
])('refuses %s as a key', (_what, given) => {
  expect(() => escapeKey(given as string)).toThrow(expect.objectContaining({ code: 'JP_STORE_KEY_INVALID' }));
});

test('the error shows the refused key, cut if it is long', () => {
  expect(() => escapeKey('x'.repeat(100_000))).toThrow(/got "x{59}… \(100002 characters\)$/);
});

test.each(['videos', '0', 'a-b', 'x'.repeat(64)])('takes %s as a scope', (name) => {
  expect(assertScope(name)).toBe(name);
});

test.each(['', 'Videos', 'a.b', 'a b', 'a=b', 'é', 'x'.repeat(65), 'a\n'])('refuses %j as a scope', (name) => {
  expect(() => assertScope(name)).toThrow(expect.objectContaining({ code: 'JP_STORE_KEY_INVALID' }));
});

test('keys that other programs wrote into the bucket are read as far as possible', () => {
  expect(unescapeKey('what=ever')).toEqual({ key: 'what=ever' });
  expect(unescapeKey('a=FF')).toEqual({ key: 'a\ufffd' });
});
