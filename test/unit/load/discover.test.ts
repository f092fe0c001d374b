import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { discover, isPluginPlace, nameByFile, whyRefused, whySkipped } from '../../../host/load/discover';
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

test('each file has its absolute path and the folder in which it was found', () => {
  write('a.plugin.ts');
  expect(discover([relative(process.cwd(), root)]).found).toEqual([{ file: join(root, 'a.plugin.ts'), root }]);
});

test.each([
  ['a.plugin.test.ts', 'a test', true],
  ['a.test.ts', 'a test', false],
  ['a.plugin.spec.js', 'a test', true],
  ['a.plugin.d.ts', 'a declaration file', true],
  ['a.plugin.mjs', 'named as an ES module; a plugin is .ts or .js', true],
  ['a.plugin.mts', 'named as an ES module; a plugin is .ts or .js', true],
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

test('skips a plugin in a folder of its own that is not called index, and reports it', () => {
  write('video/badge.plugin.ts', 'video/index.plugin.ts', 'video/index.plugin.test.ts');
  expect(found()).toEqual(['video/index.plugin.ts']);
  expect(skipped()).toEqual([
    ['video/badge.plugin.ts', 'in a subfolder; there a plugin is named index.plugin.ts or index.plugin.js', true],
    ['video/index.plugin.test.ts', 'a test', true],
  ]);
});

test('does not look into packages, hidden folders or deeper ones', () => {
  write('node_modules/index.plugin.ts', '.git/index.plugin.ts', 'a/b/index.plugin.ts');
  expect(discover([root])).toEqual({ found: [], skipped: [] });
});

test('takes a folder by its contents and ignores its name', () => {
  write('a.plugin.ts/index.plugin.ts');
  expect(found()).toEqual(['a.plugin.ts/index.plugin.ts']);
});

test('follows links to plugins, and skips those that lead nowhere', () => {
  write('real/one.ts');
  symlinkSync(join(root, 'real/one.ts'), join(root, 'one.plugin.ts'));
  symlinkSync(join(root, 'nowhere'), join(root, 'two.plugin.ts'));
  expect(found()).toEqual(['one.plugin.ts']);
  expect(skipped()).toEqual([['two.plugin.ts', 'a stale link', true]]);
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

const strays = () =>
  discover([root]).skipped.flatMap(({ file, why, isStray }) => (isStray ? [[relative(root, file), why]] : []));

test.each<[what: string, why: string, make: (path: string) => unknown]>([
  ['a link to itself', 'a link that leads to itself', (path) => symlinkSync('a.stray', path)],
  [
    'a link in a ring of two',
    'a link that leads to itself',
    (path) => (symlinkSync('b.ring', path), symlinkSync('a.stray', join(root, 'b.ring'))),
  ],
  ['a stale link', 'a stale link', (path) => symlinkSync('nowhere', path)],
  ['a stale link through a file', 'a stale link', (path) => symlinkSync('good.plugin.ts/index.js', path)],
  ['a link to the folder that it lies in', 'a link to a folder above it', (path) => symlinkSync('.', path)],
  ['a link to a folder above', 'a link to a folder above it', (path) => symlinkSync('/', path)],
  ['a pipe', 'a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a link to a device', 'a device', (path) => symlinkSync('/dev/zero', path)],
])('skips %s, named like a plugin or not, and takes what lies beside it', (_what, why, make) => {
  write('good.plugin.ts', 'folder/index.plugin.ts');
  make(join(root, 'a.stray'));
  expect(found()).toEqual(['folder/index.plugin.ts', 'good.plugin.ts']);
  expect(strays()).toContainEqual(['a.stray', why]);
  renameSync(join(root, 'a.stray'), join(root, 'c.plugin.ts'));
  expect(found()).toEqual(['folder/index.plugin.ts', 'good.plugin.ts']);
  expect(skipped().map(([file]) => file)).toContain('c.plugin.ts');
});

test('skips a socket', async () => {
  const server = createServer().listen(join(root, 's.plugin.ts'));
  await once(server, 'listening');
  expect(strays()).toEqual([['s.plugin.ts', 'a socket']]);
  server.close();
});

test('skips a stray entry of a plugin’s own folder that is named like a plugin, and leaves all others there alone', () => {
  write('folder/index.plugin.ts');
  symlinkSync('../folder/index.plugin.ts/x', join(root, 'folder/stale'));
  symlinkSync('loop.plugin.ts', join(root, 'folder/loop.plugin.ts'));
  expect(found()).toEqual(['folder/index.plugin.ts']);
  expect(strays()).toEqual([['folder/loop.plugin.ts', 'a link that leads to itself']]);
});

test('skips a name that is not UTF-8', () => {
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe]), Buffer.from('.plugin.ts')]), 'x');
  expect(found()).toEqual([]);
  expect(strays()).toEqual([[expect.stringContaining('.plugin.ts'), 'its name is not UTF-8']]);
});

test('skips a folder that is named like a plugin file but contains none, and reports where the file belongs', () => {
  mkdirSync(join(root, 'a.plugin.ts'));
  expect(skipped()).toEqual([
    ['a.plugin.ts', 'a folder; the plugin in a folder is named index.plugin.ts or index.plugin.js', true],
  ]);
});

test('an editor’s lock, a stale link, is a hidden file as before', () => {
  symlinkSync('user@host.17', join(root, '.#a.plugin.ts'));
  expect(skipped()).toEqual([['.#a.plugin.ts', 'a temporary or hidden file', true]]);
  expect(strays()).toEqual([]);
});

/** Runs as an ordinary user, because root is refused no right. */
function asOrdinaryUser<T>(work: () => T): T {
  const { getuid, seteuid } = process as Required<typeof process>;
  if (getuid() !== 0) return work();
  seteuid(65_534);
  try {
    return work();
  } finally {
    seteuid(0);
  }
}

test('skips what the host may not read: a lost+found, a plugin file, a plugin’s folder', () => {
  write('good.plugin.ts', 'secret.plugin.ts', 'closed/index.plugin.ts');
  mkdirSync(join(root, 'lost+found'));
  chmodSync(root, 0o755);
  for (const name of ['lost+found', 'secret.plugin.ts', 'closed']) chmodSync(join(root, name), 0);
  expect(asOrdinaryUser(found)).toEqual(['good.plugin.ts']);
  const why = 'the host may not read it (EACCES)';
  expect(asOrdinaryUser(strays)).toEqual([
    ['closed', why],
    ['lost+found', why],
    ['secret.plugin.ts', why],
  ]);
  for (const name of ['lost+found', 'closed']) chmodSync(join(root, name), 0o755);
});

test('a plugins folder that may not be read, or is a link to itself, is named with a code', () => {
  chmodSync(root, 0o755);
  for (const name of ['closed', 'entered']) mkdirSync(join(root, name));
  chmodSync(join(root, 'closed'), 0);
  chmodSync(join(root, 'entered'), 0o444);
  symlinkSync('loop', join(root, 'loop'));
  const refused = asOrdinaryUser(() => ['closed', 'entered', 'loop', '.'].map((name) => whyRefused(join(root, name))));
  expect(refused.map((error) => error?.code)).toEqual([
    'JP_PLUGINS_DIR_UNREADABLE',
    'JP_PLUGINS_DIR_UNREADABLE',
    'JP_PLUGINS_DIR_MISSING',
    undefined,
  ]);
  expect(refused[2]!.message).toBe(
    `the plugins folder ${join(root, 'loop')} is not a folder: a link that leads to itself`,
  );
  for (const name of ['closed', 'entered']) chmodSync(join(root, name), 0o755);
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

test.each<[path: string, isPlace: boolean]>([
  ['badge.plugin.ts', true],
  ['notes.txt', true],
  ['badge/index.plugin.ts', true],
  ['badge/badge.plugin.ts', false],
  ['.git/index.plugin.ts', false],
  ['node_modules/index.plugin.ts', false],
  ['more/badge/index.plugin.ts', false],
  ['../badge.plugin.ts', false],
])('the place of %s may be a plugin’s: %p', (path, isPlace) => {
  expect(isPluginPlace(join('/plugins', path), '/plugins')).toBe(isPlace);
});
