import fc from 'fast-check';
import { covers, isPublishSubject, isSubscribeSubject } from '../../../sdk/subject';

const NEVER = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  ' a',
  'a\t',
  'a\r\nPUB evil 0\r\n',
  'a\nb',
  'a\0',
  'a\x7f',
  'a\u0085',
  'a\u2028b',
  'a\u00a0b',
  'a*',
  '*a',
  'a.b*',
  '>a',
  'a>',
  'a.>.b',
  '>.a',
  '>.>',
  'x'.repeat(256),
  'é'.repeat(128),
];

test.each(['a', 'video.watch_started', 'a-b.C.9', 'é.ж', '$KV.x', 'x'.repeat(255), 'é'.repeat(127)])(
  '%s can be published on',
  (subject) => {
    expect(isPublishSubject(subject)).toBe(true);
    expect(isSubscribeSubject(subject)).toBe(true);
  },
);

test.each(['*', '>', 'a.*', 'a.*.b', '*.*', 'a.>', '*.>'])(
  '%s can be subscribed to, but not published on',
  (subject) => {
    expect(isPublishSubject(subject)).toBe(false);
    expect(isSubscribeSubject(subject)).toBe(true);
  },
);

test.each(NEVER)('%j can be neither published on nor subscribed to', (subject) => {
  expect(isPublishSubject(subject)).toBe(false);
  expect(isSubscribeSubject(subject)).toBe(false);
});

test.each([undefined, null, 5, {}, ['a']])(
  '%p can be neither published on nor subscribed to, and does not throw',
  (subject) => {
    expect(isPublishSubject(subject as string)).toBe(false);
    expect(isSubscribeSubject(subject as string)).toBe(false);
  },
);

test('no subject that may be published on can break the protocol’s line', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '.', ' ', '\r', '\n', '\t', '\0', '*', '>', '\u2028') }),
      (subject) => {
        if (isPublishSubject(subject)) expect(subject).toMatch(/^a+(\.a+)*$/);
      },
    ),
    { numRuns: 500 },
  );
});

/** NATS's rules for matching a concrete subject against a pattern, token by token. */
function matches(pattern: string[], subject: string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return subject.length === 0;
  if (subject.length === 0) return false;
  if (head === '>') return true;
  return (head === '*' || head === subject[0]) && matches(rest, subject.slice(1));
}

// Two tokens that patterns name and one that none does; one more token than any pattern has.
const TOKENS = ['a', 'b', 'other'];
const LONGEST = 4;
const SUBJECTS = Array.from({ length: LONGEST }, (_, i) => i + 1).flatMap((length) =>
  Array.from({ length: TOKENS.length ** length }, (_, n) =>
    Array.from({ length }, (_, i) => TOKENS[Math.floor(n / TOKENS.length ** i) % TOKENS.length]!),
  ),
);
const pattern = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: LONGEST - 1 }), fc.boolean())
  .map(([tokens, open]) => (open ? [...tokens.slice(0, LONGEST - 2), '>'] : tokens))
  .filter((tokens) => tokens.length > 0);

test('one pattern covers another exactly when it matches every subject that the other matches', () => {
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      const meant = SUBJECTS.filter((subject) => matches(inner, subject)).every((subject) => matches(outer, subject));
      expect(covers(outer.join('.'), inner.join('.'))).toBe(meant);
    }),
    { numRuns: 1_000 },
  );
});
