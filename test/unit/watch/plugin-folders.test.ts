/** The plugins folders on a real file system. The test emits what the watcher sees, and moves the time. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { watch } from 'chokidar';
import type { PluginFile } from '../../../host/load/discover';
import { RecordingLog } from '../../../host/testing/recording-log';
import { PluginFolders } from '../../../host/watch/plugin-folders';
import { FakeWatcher } from '../../support/fake-watcher';

jest.mock('chokidar', () => ({ watch: jest.fn() }));

/** After this time a change is settled and applied. */
const SETTLED_MS = 200;
/** After this time a replaced folder is noticed, and its files are settled and applied. */
const REPLACED_MS = 500;

let base: string;
let root: string;
let watchers: FakeWatcher[];
let log: RecordingLog;
let journal: string[];
/** The plugins that were loaded, with their sources. */
let loaded: Map<string, string[]>;
/** The plugin whose removal fails. */
let unremovable: string | undefined;
let folders: PluginFolders;

beforeEach(async () => {
  jest.useFakeTimers();
  base = realpathSync(mkdtempSync(join(tmpdir(), 'jetplug-folders-')));
  root = join(base, 'plugins');
  mkdirSync(root);
  watchers = [];
  log = new RecordingLog();
  journal = [];
  loaded = new Map();
  unremovable = undefined;
  jest.mocked(watch).mockImplementation(() => {
    const watcher = new FakeWatcher();
    watchers.push(watcher);
    void Promise.resolve().then(() => watcher.emit('ready'));
    return watcher as never;
  });
  await follow(root);
});
afterEach(async () => {
  await folders.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
  rmSync(base, { recursive: true, force: true });
});

async function follow(...dirs: string[]): Promise<void> {
  const plugins = {
    get definitions() {
      return [...loaded.values()].map((sources) => ({ sources: new Map(sources.map((path) => [path, ''])) })) as never;
    },
    middlewareFiles: [],
    filesIn: (dir: string) => [...loaded.keys()].filter((file) => file.startsWith(dir)),
    concernedBy: (paths: readonly string[]): PluginFile[] =>
      [...loaded]
        .filter(([, sources]) => paths.some((path) => sources.includes(path)))
        .map(([file]) => ({ file, root })),
    load: async ({ file }: PluginFile): Promise<never> => {
      journal.push(`load ${relative(base, file)}`);
      loaded.set(file, loaded.get(file) ?? [file]);
      return undefined as never;
    },
    remove: async (file: string): Promise<void> => {
      await Promise.resolve();
      if (basename(file) === unremovable) throw new Error('the durable does not answer');
      if (loaded.delete(file)) journal.push(`remove ${relative(base, file)}`);
    },
  };
  folders = new PluginFolders(dirs, plugins, log);
  await folders.start();
}

const at = (path: string): string => join(base, path);
const messages = (): string[] => log.lines.map(({ message }) => message);
/** Reports a change as the watcher of the newest folder does. */
const see = (path: string, event = 'change'): void => void watchers.at(-1)!.emit('all', event, at(path));
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

function write(path: string, text = `// ${path}`): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  see(path);
}
/** Runs the plugins of these files. */
async function running(...paths: string[]): Promise<void> {
  for (const path of paths) write(path);
  await pass(SETTLED_MS);
  expect(journal.splice(0).sort()).toEqual(paths.map((path) => `load ${path}`).sort());
}

test('a new file is loaded once, however many changes of it are seen', async () => {
  write('plugins/badge.plugin.ts');
  for (let i = 0; i < 5; i++) see('plugins/badge.plugin.ts', 'add');
  await pass(1_000);
  expect(journal).toEqual(['load plugins/badge.plugin.ts']);
});

test('a removed file is removed before another file is loaded, which may take its name', async () => {
  await running('plugins/badge.plugin.ts');
  rmSync(at('plugins/badge.plugin.ts'));
  write('plugins/award.plugin.ts');
  see('plugins/badge.plugin.ts', 'unlink');
  await pass(SETTLED_MS);
  expect(journal).toEqual(['remove plugins/badge.plugin.ts', 'load plugins/award.plugin.ts']);
});

test('a removal that fails is logged, and the other changes are applied', async () => {
  await running('plugins/badge.plugin.ts');
  unremovable = 'badge.plugin.ts';
  rmSync(at('plugins/badge.plugin.ts'));
  see('plugins/badge.plugin.ts', 'unlink');
  write('plugins/award.plugin.ts');
  await pass(SETTLED_MS);
  expect(journal).toEqual(['load plugins/award.plugin.ts']);
  expect(log.lines).toMatchObject([
    { level: 'error', message: 'a plugin could not be removed', fields: { file: at('plugins/badge.plugin.ts') } },
  ]);
});

test('a file that a folder of the same name replaces is removed', async () => {
  await running('plugins/badge.plugin.ts');
  rmSync(at('plugins/badge.plugin.ts'));
  mkdirSync(at('plugins/badge.plugin.ts'));
  see('plugins/badge.plugin.ts', 'unlink');
  await pass(SETTLED_MS);
  expect(journal).toEqual(['remove plugins/badge.plugin.ts']);
  expect(log.lines).toMatchObject([{ fields: { why: expect.stringContaining('a folder') } }]);
});

test('a plugin’s folder that a file replaces is removed, and loaded when the folder returns', async () => {
  await running('plugins/badge/index.plugin.ts');
  rmSync(at('plugins/badge'), { recursive: true });
  writeFileSync(at('plugins/badge'), 'a file');
  see('plugins/badge/index.plugin.ts', 'unlink');
  await pass(SETTLED_MS);
  expect(journal).toEqual(['remove plugins/badge/index.plugin.ts']);
  rmSync(at('plugins/badge'));
  write('plugins/badge/index.plugin.ts');
  await pass(SETTLED_MS);
  expect(journal).toEqual(['remove plugins/badge/index.plugin.ts', 'load plugins/badge/index.plugin.ts']);
});

test('a file that is emptied is not loaded, and its plugin runs on', async () => {
  await running('plugins/badge.plugin.ts');
  write('plugins/badge.plugin.ts', '');
  await pass(SETTLED_MS);
  expect(journal).toEqual([]);
  expect(log.lines).toMatchObject([{ fields: { why: 'empty: still being written?' } }]);
});

test('a file that vanishes again before it is settled is not loaded', async () => {
  write('plugins/badge.plugin.ts');
  await pass(50);
  rmSync(at('plugins/badge.plugin.ts'));
  await pass(1_000);
  expect(journal).toEqual([]);
});

test('a storm of renames changes nothing while it lasts, and then leads to the files that are there', async () => {
  await running('plugins/a.plugin.ts');
  const [a, b] = [at('plugins/a.plugin.ts'), at('plugins/b.plugin.ts')];
  for (let i = 0; i < 51; i++) {
    if (i % 2 === 0) renameSync(a, b);
    else renameSync(b, a);
    for (const path of ['plugins/a.plugin.ts', 'plugins/b.plugin.ts']) see(path, 'unlink');
    await pass(20);
  }
  expect(journal).toEqual([]);
  await pass(1_000);
  expect(journal).toEqual(['remove plugins/a.plugin.ts', 'load plugins/b.plugin.ts']);
});

test('a change of shared files loads each plugin that is made of them once', async () => {
  await running('plugins/a.plugin.ts', 'plugins/b.plugin.ts', 'plugins/c.plugin.ts');
  for (const name of ['a', 'b']) {
    const own = at(`plugins/${name}.plugin.ts`);
    loaded.set(own, [own, at('plugins/lib/one.ts'), at('plugins/lib/two.ts')]);
  }
  for (const path of ['plugins/lib/one.ts', 'plugins/lib/two.ts', 'plugins/a.plugin.ts']) write(path);
  await pass(SETTLED_MS);
  expect(journal.sort()).toEqual(['load plugins/a.plugin.ts', 'load plugins/b.plugin.ts']);
});

test('a change of a source outside of the folders is found without a watcher', async () => {
  writeFileSync(at('outside.ts'), '1');
  await running('plugins/badge.plugin.ts');
  loaded.set(at('plugins/badge.plugin.ts'), [at('plugins/badge.plugin.ts'), at('outside.ts')]);
  await pass(REPLACED_MS);
  writeFileSync(at('outside.ts'), '1 and more');
  await pass(REPLACED_MS);
  expect(journal).toEqual(['load plugins/badge.plugin.ts']);
});

test('files that are no plugins are not loaded; one that seems to be meant as a plugin is logged', async () => {
  const others = ['plugins/notes.txt', 'plugins/deep/er/index.plugin.ts', 'plugins/lib/helper.plugin.ts'];
  for (const path of [...others, 'plugins/badge.plugin.mjs', 'plugins/.badge.plugin.ts.swp']) write(path);
  await pass(SETTLED_MS);
  expect(journal).toEqual([]);
  expect(log.lines.map(({ message, fields }) => [message, basename(fields['file'] as string)])).toEqual([
    ['skipped a file in the plugins folder', 'badge.plugin.mjs'],
    ['skipped a file in the plugins folder', '.badge.plugin.ts.swp'],
  ]);
});

describe('a plugins folder', () => {
  test('that vanishes loses its plugins, and gets them when it returns', async () => {
    await running('plugins/a.plugin.ts', 'plugins/b/index.plugin.ts');
    renameSync(root, at('aside'));
    await pass(REPLACED_MS);
    expect(journal.sort()).toEqual(['remove plugins/a.plugin.ts', 'remove plugins/b/index.plugin.ts']);
    expect(messages()).toEqual(['a plugins folder is gone']);
    journal.length = 0;
    renameSync(at('aside'), root);
    await pass(REPLACED_MS);
    expect(journal.sort()).toEqual(['load plugins/a.plugin.ts', 'load plugins/b/index.plugin.ts']);
    expect(messages()).toEqual(['a plugins folder is gone', 'a plugins folder is there again']);
    expect(watchers.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
  });

  test('that a file replaces loses its plugins', async () => {
    await running('plugins/a.plugin.ts');
    rmSync(root, { recursive: true });
    writeFileSync(root, 'a file');
    await pass(REPLACED_MS);
    expect(journal).toEqual(['remove plugins/a.plugin.ts']);
    see('plugins');
    await pass(1_000);
    expect([journal, messages()]).toEqual([['remove plugins/a.plugin.ts'], ['a plugins folder is gone']]);
  });

  test('that another folder replaces has the plugins of that folder', async () => {
    await running('plugins/a.plugin.ts', 'plugins/b.plugin.ts');
    mkdirSync(at('next'));
    for (const name of ['b', 'c']) writeFileSync(at(`next/${name}.plugin.ts`), '1');
    renameSync(root, at('before'));
    renameSync(at('next'), root);
    await pass(REPLACED_MS);
    expect(journal[0]).toBe('remove plugins/a.plugin.ts');
    expect(journal.slice(1).sort()).toEqual(['load plugins/b.plugin.ts', 'load plugins/c.plugin.ts']);
  });

  test('is followed with others, and the plugins of each are its own', async () => {
    mkdirSync(at('more'));
    await folders.stop();
    await follow(root, at('more'));
    write('plugins/a.plugin.ts');
    write('more/b.plugin.ts');
    await pass(SETTLED_MS);
    expect(journal.splice(0).sort()).toEqual(['load more/b.plugin.ts', 'load plugins/a.plugin.ts']);
    rmSync(at('more'), { recursive: true });
    await pass(REPLACED_MS);
    expect(journal).toEqual(['remove more/b.plugin.ts']);
  });
});

test('no change is applied after a stop', async () => {
  write('plugins/badge.plugin.ts');
  await folders.stop();
  await pass(1_000);
  expect([journal, watchers.map(({ isClosed }) => isClosed)]).toEqual([[], [true]]);
});
