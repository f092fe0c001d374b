import fc from 'fast-check';
import { overlap } from '../../../host/config/overlap';
import { covers } from '../../../sdk/internal';

const token = fc.constantFrom('a', 'b');
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 3 }), fc.constantFrom('>', 'a', '*'))
  .map(([tokens, last]) => [...tokens, last].join('.'));

describe('overlap', () => {
  test.each([
    ['video.>', 'video.watched', true],
    ['video.>', 'video', false],
    ['video.*', '*.watched', true],
    ['video.*', 'video.watched.late', false],
    ['video.>', '*.*.late', true],
    ['a', 'a', true],
    ['a.b', 'a.c', false],
    ['>', 'a', true],
  ])('between %s and %s is %s', (a, b, expected) => {
    expect(overlap(a, b)).toBe(expected);
    expect(overlap(b, a)).toBe(expected);
  });

  test('is found when one subject is covered by both', () => {
    fc.assert(
      fc.property(pattern, pattern, subject, (a, b, one) => {
        fc.pre(covers(a, one) && covers(b, one));
        return overlap(a, b);
      }),
    );
  });

  test('is found only when some subject is covered by both', () => {
    const all = subjectsUpTo(5);
    fc.assert(
      fc.property(pattern, pattern, (a, b) => overlap(a, b) === all.some((one) => covers(a, one) && covers(b, one))),
    );
  });
});

/** All subjects of the tokens a, b and c. */
function subjectsUpTo(length: number): string[] {
  if (length === 0) return [];
  const shorter = subjectsUpTo(length - 1);
  const tokens = ['a', 'b', 'c'];
  return [...tokens, ...shorter.flatMap((one) => tokens.map((next) => `${one}.${next}`))];
}
