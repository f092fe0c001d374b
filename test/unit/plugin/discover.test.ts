import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { discover, nameByFile, whySkipped } from '../../../host/plugin/discover';
import type { JetplugError } from '../../../sdk/internal';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'jetplug-discover-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), 'x');
  }
}

const found = () => discover([root]).found.map(({ file }) => relative(root, file));
const skipped = () =>
  discover([root]).skipped.map(({ file, why, looksMeant }) => [relative(root, file), why, looksMeant]);

test('finds plugins in the folder itself and in folders of their own, in the order of their names', () => {
  write(
    'z.plugin.ts',
    'a.plugin.js',
    'video/index.plugin.ts',
    'audio/index.plugin.js',
    'video/helper.ts',
    'contracts/streaming.ts',
  );
  expect(found()).toEqual(['a.plugin.js', 'audio/index.plugin.js', 'video/index.plugin.ts', 'z.plugin.ts']);
  expect(skipped()).toEqual([]);
});

test('says of each file with its absolute path which folder it was found in', () => {
  write('a.plugin.ts');
  expect(discover([relative(process.cwd(), root)]).found).toEqual([{ file: join(root, 'a.plugin.ts'), root }]);
});

test.each([
  ['a.plugin.test.ts', 'a test', true],
  ['a.test.ts', 'a test', false],
  ['a.plugin.spec.js', 'a test', true],
  ['a.plugin.d.ts', 'a declaration file', true],
  ['a.plugin.mjs', 'an ES module by its name; a plugin is .ts or .js', true],
  ['a.plugin.mts', 'an ES module by its name; a plugin is .ts or .js', true],
  ['.a.plugin.ts', 'a temporary or hidden file', true],
  ['a.plugin.ts~', 'a temporary or hidden file', true],
  ['a.plugin.ts.tmp', 'a temporary or hidden file', true],
  ['#a.plugin.ts#', 'a temporary or hidden file', true],
  ['a.plugin.ts.swp', 'a temporary or hidden file', true],
  ['a.plugin.tsx', 'not named *.plugin.ts or *.plugin.js', true],
  ['plugin.ts', 'not named *.plugin.ts or *.plugin.js', true],
  ['a.Plugin.ts', 'not named *.plugin.ts or *.plugin.js', true],
  ['helper.ts', 'not named *.plugin.ts or *.plugin.js', false],
  ['README.md', 'not named *.plugin.ts or *.plugin.js', false],
])('skips %s: %s', (name, why, looksMeant) => {
  write(name);
  expect(found()).toEqual([]);
  expect(skipped()).toEqual([[name, why, looksMeant]]);
});

test('skips a file that is empty, for its author may still be writing', () => {
  writeFileSync(join(root, 'a.plugin.ts'), '');
  expect(skipped()).toEqual([['a.plugin.ts', 'empty: still being written?', true]]);
});

test('skips a plugin that lies in a folder under another name than index, and says so', () => {
  write('video/badge.plugin.ts', 'video/index.plugin.ts', 'video/index.plugin.test.ts');
  expect(found()).toEqual(['video/index.plugin.ts']);
  expect(skipped()).toEqual([
    ['video/badge.plugin.ts', 'in a folder of its own a plugin is named index.plugin.ts or index.plugin.js', true],
    ['video/index.plugin.test.ts', 'a test', true],
  ]);
});

test('does not look into packages, hidden folders or deeper ones', () => {
  write('node_modules/index.plugin.ts', '.git/index.plugin.ts', 'a/b/index.plugin.ts');
  expect(discover([root])).toEqual({ found: [], skipped: [] });
});

test('takes a folder by its contents, whatever its name', () => {
  write('a.plugin.ts/index.plugin.ts');
  expect(found()).toEqual(['a.plugin.ts/index.plugin.ts']);
});

test('follows links to plugins, and skips those that lead nowhere', () => {
  write('real/one.ts');
  symlinkSync(join(root, 'real/one.ts'), join(root, 'one.plugin.ts'));
  symlinkSync(join(root, 'nowhere'), join(root, 'two.plugin.ts'));
  expect(found()).toEqual(['one.plugin.ts']);
  expect(skipped()).toEqual([['two.plugin.ts', 'not a file', true]]);
});

test('takes a folder that is given twice once', () => {
  write('a.plugin.ts');
  expect(discover([root, `${root}/`, root]).found).toHaveLength(1);
});

test('names every folder that is missing, at once', () => {
  write('file');
  const missing = [join(root, 'none'), join(root, 'file')];
  let thrown: unknown;
  try {
    discover([root, ...missing]);
  } catch (error) {
    thrown = error;
  }
  expect((thrown as AggregateError).errors as JetplugError[]).toMatchObject(
    missing.map((file) => ({ code: 'JP_PLUGINS_DIR_MISSING', file })),
  );
});

test('a file that is gone is skipped', () => {
  expect(whySkipped(join(root, 'gone.plugin.ts'))).toBe('not a file');
});

test.each([
  ['/p/badge.plugin.ts', 'badge'],
  ['/p/badge/index.plugin.js', 'badge'],
  ['/p/badge/badge.plugin.ts', 'badge'],
  ['/p/.badge.plugin.ts.swp', 'badge'],
  ['/p/badge.plugin.ts~', 'badge'],
  ['/p/badge.ts', 'badge'],
])('%s is called %s', (file, name) => {
  expect(nameByFile(file)).toBe(name);
});
