/** The SDK's types find the mistakes that docs/mistakes.md says they find, each at its line and in a few words. */
import { join } from 'node:path';
import { compileSources, type CompilerError } from '../support/compile-sources';
import { ROOT } from '../support/markdown';
import { filesOf, lineNamed, messageIn, MISTAKES, MISTAKE_ROWS } from '../support/mistakes';

const FOLDER = join(ROOT, 'plugins');
let errors: ReadonlyMap<string, readonly CompilerError[]>;

beforeAll(() => {
  errors = compileSources(new Map(MISTAKES.flatMap((mistake, index) => filesOf(mistake, index, FOLDER))));
}, 120_000);

test('docs/mistakes.md lists all mistakes, in their order', () => {
  expect(MISTAKE_ROWS.map(({ what }) => what)).toEqual(MISTAKES.map(({ what }) => what));
});

test.each(MISTAKES.map((mistake, index) => [mistake.what, mistake, index] as const))('%s', (_what, mistake, index) => {
  const [file] = filesOf(mistake, index, FOLDER)[0]!;
  const found = errors.get(file)!;
  const { types } = MISTAKE_ROWS[index]!;
  if (types === '') return expect(found).toEqual([]);
  const shown = found.map(({ line, lines }) => ({ line, message: messageIn(lines.at(-1)!) }));
  expect(shown).toContainEqual({ line: lineNamed(mistake, 'TYPES'), message: types });
  for (const { lines } of found) {
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines.join()).not.toMatch(/overload/i);
  }
});
