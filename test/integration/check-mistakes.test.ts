/** `jetplug check` finds the mistakes that docs/mistakes.md says it finds, each at its line. */
import { basename } from 'node:path';
import type { ErrorReport } from '../../sdk/internal';
import { jetplug } from '../support/cli';
import { filesOf, lineNamed, messageIn, MISTAKES, MISTAKE_ROWS } from '../support/mistakes';
import { lineOf } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let reports: readonly (ErrorReport & { warning?: true })[];

beforeAll(async () => {
  const files = MISTAKES.flatMap((mistake, index) => filesOf(mistake, index, ''));
  reports = (await jetplug(['check', '--json', '--plugins', scene.folder(Object.fromEntries(files))])).json();
}, 60_000);
afterAll(() => scene.end());

test.each(MISTAKES.map((mistake, index) => [mistake.what, mistake, index] as const))('%s', (_what, mistake, index) => {
  const [[own], ...others] = filesOf(mistake, index, '') as [[string, string], ...[string, string][]];
  const texts = new Map(others);
  const found = reports.filter(({ file = '' }) => basename(file) === own || texts.has(basename(file)));
  const shown = found.map(({ code, message, file, line, warning }) => ({
    message: `${warning ? 'warning ' : ''}${code}: ${messageIn(message)}`,
    line: `${basename(file!)}:${line}`,
  }));
  const { check } = MISTAKE_ROWS[index]!;
  if (check === '') return expect(shown).toEqual([]);
  const [other] = others;
  const line = other ? `${other[0]}:${lineOf(other[1], 'HERE')}` : `${own}:${lineNamed(mistake, 'CHECK')}`;
  // The dots at the end of a message stand for a part that differs from machine to machine.
  const message = check.endsWith('…') ? expect.stringContaining(check.slice(0, -1)) : check;
  expect(shown).toEqual([{ message, line }]);
});

test('every report belongs to one of the mistakes', () => {
  const names = MISTAKES.flatMap((mistake, index) => filesOf(mistake, index, '').map(([file]) => file));
  expect(reports.filter(({ file = '' }) => !names.includes(basename(file)))).toEqual([]);
});
