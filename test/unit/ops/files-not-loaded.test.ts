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

test('a file that is skipped is told with the reason, one that is loaded is not', () => {
  const [loaded, notes, misplaced] = write('a.plugin.ts', 'notes.txt', 'b/b.plugin.ts');
  const found = filesNotLoaded([{ file: loaded! }], { dirs: [dir], watch: true });
  expect(found.map(({ file, looksMeant, error }) => [file, looksMeant, error.code, error.message])).toEqual([
    [misplaced, true, 'JP_PLUGIN_SKIPPED', expect.stringContaining('index.plugin.ts')],
    [notes, false, 'JP_PLUGIN_SKIPPED', expect.stringContaining('not named *.plugin.ts')],
  ]);
});

test('a plugin that the host has not taken up is told, with what to do by whether it watches', () => {
  write('late.plugin.ts');
  const hint = (watch: boolean) => filesNotLoaded([], { dirs: [dir], watch })[0]!.error.hint;
  expect(hint(true)).toMatch(/Ask again/);
  expect(hint(false)).toMatch(/--no-watch/);
});

test('a folder that is gone holds nothing', () => {
  expect(filesNotLoaded([], { dirs: [join(dir, 'gone')], watch: true })).toEqual([]);
});
