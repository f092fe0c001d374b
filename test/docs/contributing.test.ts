/** The tables of CONTRIBUTING that name files for a change are true as far as a test can tell. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, rowsOf, textOf } from '../support/markdown';

const CHANGES = [
  'a handler option',
  'the backoff jitter',
  'a metric',
  'a command',
  'a dead-letter header',
  'recursive plugin folders',
  'an Avro payload',
  'the reaction to a deleted stream',
  'a new injectable',
  "the client's successor packages",
  'another limit of a whole host',
  'a new isolation backend',
];

const rows = rowsOf('CONTRIBUTING.md');
const counted = rows.filter(([, , count]) => count !== undefined);

test('the table lists each change by which the structure is measured', () => {
  expect(counted.map(([change]) => change)).toEqual(CHANGES);
});

test('each of these changes needs at most three files to be edited, all of them listed', () => {
  const wrong = counted.filter(([, files, count]) => {
    const listed = filesIn(files!).filter((file) => !file.includes('<name>')).length;
    return listed !== Number(count) || listed < 1 || listed > 3;
  });
  expect(wrong).toEqual([]);
});

test('every file and folder in the tables exists', () => {
  expect(rows.flatMap(([, files]) => filesIn(files!)).filter((file) => !existsSync(join(ROOT, placeOf(file))))).toEqual(
    [],
  );
});

test('the tree has every folder of host', () => {
  const tree = /```\n(sdk\/[\s\S]+?)```/.exec(textOf('CONTRIBUTING.md'))![1]!;
  const folders = readdirSync(join(ROOT, 'host'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => `  ${name}/`).filter((line) => !tree.includes(line))).toEqual([]);
});

/** `host/a.ts`, `bench/cases/`, `package.json`; not `plugins NAME`. */
function filesIn(cell: string): string[] {
  return cell.match(/[\w-]+(?:\/(?:[\w.-]+|<name>\.ts))+\/?|package\.json/g) ?? [];
}

/** The folder of a file that does not exist yet. */
function placeOf(file: string): string {
  return file.includes('<name>') ? dirname(file) : file;
}
