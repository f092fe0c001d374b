import fc from 'fast-check';
import { KvLongTexts } from '../../../host/records/long-texts';
import { MemoryKeyValue } from '../../support/memory-key-value';

const PIECE = 65_536;

function setUp() {
  const records = new MemoryKeyValue();
  const warnings: object[] = [];
  const texts = new KvLongTexts(records, (message, details) => warnings.push({ message, ...details }));
  return { records, warnings, texts };
}

test('any text can be read by its name until it is removed', async () => {
  const { records, texts } = setUp();
  const text = fc
    .tuple(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(0, 1, PIECE - 1, PIECE, 3 * PIECE),
      fc.string({ unit: 'binary' }),
    )
    .map(([start, fill, end]) => start + 'x'.repeat(fill) + end);
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      const name = await texts.put(given);
      expect(name).toMatch(/^[\w-]{12}$/);
      expect(await texts.get(name)).toBe(given);
      await texts.remove(name);
      expect(await texts.get(name)).toBeUndefined();
      expect(records.entries.size).toBe(0);
    }),
  );
});

test('a long text is kept in pieces, none of which ends within a character', async () => {
  const { records, texts } = setUp();
  for (const given of ['🎬'.repeat(PIECE), `x${'🎬'.repeat(PIECE)}`, 'ж'.repeat(PIECE + 1)]) {
    expect(await texts.get(await texts.put(given))).toBe(given);
  }
  for (const { value } of records.entries.values()) {
    expect(value!.length).toBeLessThanOrEqual(PIECE + 3);
    expect(value!.isWellFormed()).toBe(true);
  }
  expect(records.entries.size).toBe(2 + 3 + 2);
});

test('a text that is put twice has two names', async () => {
  const { texts } = setUp();
  const [one, other] = [await texts.put('same'), await texts.put('same')];
  await texts.remove(one);
  expect(await texts.get(other)).toBe('same');
});

test('a text put under a name replaces the earlier text, longer or shorter', async () => {
  const { records, texts } = setUp();
  const lengths = [10, 3 * PIECE, PIECE, 0, 2 * PIECE];
  for (const length of lengths) {
    expect(await texts.put('x'.repeat(length), 'letter.badge.award')).toBe('letter.badge.award');
    expect(await texts.get('letter.badge.award')).toBe('x'.repeat(length));
  }
  await texts.put('other', 'letter.badge.award-2');
  await texts.remove('letter.badge.award');
  expect([...records.entries.keys()]).toEqual(['text.letter.badge.award-2.0']);
});

test('a text with a missing piece reads as missing', async () => {
  const { records, texts } = setUp();
  const name = await texts.put('x'.repeat(3 * PIECE));
  records.entries.delete([...records.entries.keys()][1]!);
  expect(await texts.get(name)).toBeUndefined();
});

test('a failure to store or read a text rejects the call; a failure to remove one is logged', async () => {
  const { records, warnings, texts } = setUp();
  records.failNext = new Error('no answer');
  await expect(texts.put('x')).rejects.toThrow('no answer');
  const name = await texts.put('x');
  records.failNext = new Error('no answer');
  await expect(texts.get(name)).rejects.toThrow('no answer');
  records.failNext = new Error('no answer');
  await texts.remove(name);
  expect(warnings).toMatchObject([{ message: 'unused record could not be removed' }]);
  expect(await texts.get(name)).toBe('x');
});
