import fc from 'fast-check';
import {
  decodeMarks,
  encodeIfShort,
  encodeMarks,
  longTexts,
  recordsOf,
  withoutLongTexts,
  type Mark,
  type Marks,
} from '../../../host/records/marks';

const HEADER_BYTES = 60_000;

function marksOf(m: readonly Mark[]): Marks {
  return { 'badge-award': { g: 'made', r: 7, m } };
}

test('marks that fit are encoded as one line of ASCII, and decoded unchanged', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 });
  const mark = fc.tuple(fc.nat(), fc.nat(9), fc.option(text));
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 50 }), fc.nat(50), fc.option(text, { nil: undefined }), (m, at, other) => {
      // The marks are encoded beside the value that one of the updates left, or another value.
      const value = m[at]?.[2] ?? other;
      const header = encodeMarks(marksOf(m), value);
      expect(encodeIfShort(marksOf(m), value)).toBe(header);
      expect(header).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeMarks(header, value)).toEqual(marksOf(m));
    }),
  );
});

test.each([
  ['one update of a large value', 1, 70_000],
  ['many updates of a value of some size', 40, 20_000],
  ['as many unsettled events as may be', 1_000, 500],
  ['text outside ASCII, which takes six bytes a letter', 4, 11_000, 'ж'],
])(
  '%s fit a header without their long texts, which are listed, and each is still marked as applied',
  (_name, count, length, letter = 'x') => {
    const m = Array.from({ length: count }, (_, i): Mark => [
      1_000_000_000 + i,
      0,
      JSON.stringify(letter.repeat(length)),
    ]);
    expect(encodeIfShort(marksOf(m), undefined)).toBeUndefined();
    expect(longTexts(marksOf(m), undefined)).toEqual(m.map((mark) => ['badge-award', ...mark]));
    const without = withoutLongTexts(marksOf(m), undefined, 'AbCdEfGhIjKl.12');
    const header = encodeIfShort(without, undefined)!;
    expect(header.length).toBeLessThan(HEADER_BYTES);
    expect(decodeMarks(header, undefined)['badge-award']!.m).toEqual(
      m.map(([sequence]) => [sequence, 0, null, 'AbCdEfGhIjKl.12']),
    );
    expect([...recordsOf(without)]).toEqual(['AbCdEfGhIjKl.12']);
    expect(longTexts(without, undefined)).toEqual([]);
  },
);

test('a text that is no longer than a name stays in the mark', () => {
  const m: Mark[] = [
    [1, 0, '"0123456789abcd"'],
    [2, 0, null],
    [3, 0, null, 'AbCdEfGhIjKl.1'],
  ];
  expect(longTexts(marksOf(m), undefined)).toEqual([]);
  expect(withoutLongTexts(marksOf(m), undefined, 'other')).toEqual(marksOf(m));
  expect([...recordsOf(marksOf(m))]).toEqual(['AbCdEfGhIjKl.1']);
});

test('a long text that equals the value is neither kept twice nor moved to a record', () => {
  const value = JSON.stringify('x'.repeat(100_000));
  const marks = marksOf([
    [1, 0, '"another that is long"'],
    [2, 0, value],
  ]);
  expect(encodeMarks(marks, value).length).toBeLessThan(100);
  expect(longTexts(marks, value)).toEqual([['badge-award', 1, 0, '"another that is long"']]);
  expect(withoutLongTexts(marks, value, 'r.1')).toEqual(
    marksOf([
      [1, 0, null, 'r.1'],
      [2, 0, value],
    ]),
  );
});
