import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FollowedFiles } from '../../../host/watch/followed-files';

let folder: string;
let changed: string[];
let files: FollowedFiles;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'jetplug-followed-')));
  mkdirSync(join(folder, 'plugins'));
  changed = [];
  files = new FollowedFiles([join(folder, 'plugins')], (path) => changed.push(path));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

test('a change of a file outside the plugins folders is reported once', () => {
  const helper = write('shared/helper.ts', '1');
  files.poll([helper]);
  expect(changed).toEqual([]);
  write('shared/helper.ts', '1 and more');
  files.poll([helper]);
  files.poll([helper]);
  expect(changed).toEqual([helper]);
});

test('a link within a plugins folder is followed to where it leads, and reported when it leads elsewhere', () => {
  write('v1/badge.plugin.ts', '1');
  write('v2/badge.plugin.ts', '1 and more');
  symlinkSync(join(folder, 'v1'), join(folder, 'plugins/current'));
  const path = join(folder, 'plugins/current/badge.plugin.ts');
  files.poll([path]);
  rmSync(join(folder, 'plugins/current'));
  symlinkSync(join(folder, 'v2'), join(folder, 'plugins/current'));
  files.poll([path]);
  expect(changed).toEqual([path]);
});

test.each([
  ['a file that the watcher of its plugins folder sees', 'plugins/badge.plugin.ts'],
  ['a file of a package', 'shared/node_modules/pg/index.js'],
])('%s is not polled', (_what, name) => {
  const path = write(name, '1');
  files.poll([path]);
  write(name, '1 and more');
  files.poll([path]);
  expect(changed).toEqual([]);
});

test('the state in which the plugins were loaded does not count as a change', () => {
  const helper = write('shared/helper.ts', '1');
  files.poll([helper]);
  write('shared/helper.ts', '1 and more');
  files.loaded([helper]);
  files.poll([helper]);
  expect(changed).toEqual([]);
});

test('after a clear the present state counts as known', () => {
  const helper = write('shared/helper.ts', '1');
  files.poll([helper]);
  files.clear();
  write('shared/helper.ts', '1 and more');
  files.poll([helper]);
  expect(changed).toEqual([]);
});
