import fc from 'fast-check';
import { decodeMarks, encodeMarks, type Mark, type Marks } from '../../../host/effects/marks';

const HEADER_BYTES = 60_000;

function marksOf(m: readonly Mark[]): Marks {
  return { 'badge-award': { g: 'made', r: 7, m } };
}

test('marks that fit come back as they were, on one line of ASCII', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 });
  const mark = fc.tuple(fc.nat(), fc.nat(9), fc.option(text));
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 50 }), (m) => {
      const header = encodeMarks(marksOf(m));
      expect(header).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeMarks(header)).toEqual(marksOf(m));
    }),
  );
});

test.each([
  ['one update of a large value', 1, 70_000],
  ['many updates of a value of some size', 40, 20_000],
  ['as many unsettled events as may be', 1_000, 500],
  ['text outside ASCII, which takes six bytes a letter', 4, 11_000, 'ж'],
])('%s fit a header, and each is still known to be applied', (_name, count, length, letter = 'x') => {
  const m = Array.from({ length: count }, (_, i): Mark => [
    1_000_000_000 + i,
    0,
    JSON.stringify(letter.repeat(length)),
  ]);
  const header = encodeMarks(marksOf(m));
  expect(header.length).toBeLessThan(HEADER_BYTES);
  const kept = decodeMarks(header)['badge-award']!.m;
  expect(kept.map(([sequence]) => sequence)).toEqual(m.map(([sequence]) => sequence));
  for (const [i, mark] of kept.entries()) expect(mark[3] === 1 || mark[2] === m[i]![2]).toBe(true);
});
