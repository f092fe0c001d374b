/** The SDK's types find the mistakes that they are said to find, each at its line. */
import { join } from 'node:path';
import { compileSources, type CompilerError } from '../support/compile-sources';
import { ROOT } from '../support/markdown';
import { MISTAKES, withFiles } from '../support/mistakes';
import { lineOf } from '../support/plugin-source';

const FOLDER = join(ROOT, 'plugins');
let errors: ReadonlyMap<string, readonly CompilerError[]>;

beforeAll(() => {
  errors = compileSources(new Map(withFiles(FOLDER)));
}, 60_000);

test.each(MISTAKES.map((mistake, index) => [mistake.what, mistake, index] as const))('%s', (_what, mistake, index) => {
  const found = errors.get(join(FOLDER, `mistake-${index}.plugin.ts`))!;
  if (mistake.types === undefined) return expect(found).toEqual([]);
  const { line, lines } = found[0]!;
  expect({ line, message: lines.at(-1) }).toEqual({
    line: lineOf(mistake.source, 'HERE'),
    message: mistake.types,
  });
});
