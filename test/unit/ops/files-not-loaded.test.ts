import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { filesNotLoaded } from '../../../host/ops/files-not-loaded';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'jetplug-test-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(...names: string[]): string[] {
  return names.map((name) => {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'text');
    return file;
  });
}

test('a skipped file is listed with the reason, a loaded one is not listed', () => {
  const [loaded, notes, misplaced] = write('a.plugin.ts', 'notes.txt', 'b/b.plugin.ts');
  const found = filesNotLoaded([{ file: loaded! }], { dirs: [dir], watch: true });
  expect(found.map(({ file, looksMeant, error }) => [file, looksMeant, error.code, error.message])).toEqual([
    [misplaced, true, 'JP_PLUGIN_SKIPPED', expect.stringContaining('index.plugin.ts')],
    [notes, false, 'JP_PLUGIN_SKIPPED', expect.stringContaining('not named *.plugin.ts')],
  ]);
});

test('a plugin that is not loaded yet is listed, with a hint that depends on whether the host watches', () => {
  write('late.plugin.ts');
  const hint = (watch: boolean) => filesNotLoaded([], { dirs: [dir], watch })[0]!.error.hint;
  expect(hint(true)).toMatch(/Ask again/);
  expect(hint(false)).toMatch(/--no-watch/);
});

test('a missing folder has no files', () => {
  expect(filesNotLoaded([], { dirs: [join(dir, 'gone')], watch: true })).toEqual([]);
});
