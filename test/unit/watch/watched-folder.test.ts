import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watch } from 'chokidar';
import { remoteFileSystemOf } from '../../../host/watch/remote-files';
import { WatchedFolder } from '../../../host/watch/watched-folder';
import { RecordingLog } from '../../../host/testing/recording-log';
import { FakeWatcher } from '../../support/fake-watcher';

jest.mock('chokidar', () => ({ watch: jest.fn() }));
jest.mock('../../../host/watch/remote-files', () => ({ remoteFileSystemOf: jest.fn() }));

let dir: string;
let watcher: FakeWatcher;
let log: RecordingLog;
let changed: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'jetplug-watched-'));
  jest.mocked(watch).mockImplementation(() => (watcher = new FakeWatcher()) as never);
  log = new RecordingLog();
  changed = [];
});
afterEach(() => {
  jest.mocked(remoteFileSystemOf).mockReset();
  jest.useRealTimers();
  rmSync(dir, { recursive: true });
});

const file = (name: string): string => join(dir, name);
/** A folder that begins to watch; `ready` resolves when changes are noticed. */
function watched(root = dir, sources: readonly string[] = [], pollMs?: number) {
  const options = { log, pollMs, sources: () => sources, changed: (path: string) => changed.push(path) };
  const folder = new WatchedFolder(root, options);
  return { folder, ready: folder.start() };
}
const messages = (): string[] => log.lines.map(({ message }) => message);
const POLLED = 'a plugins folder cannot be watched; it is polled';

test('a watcher that starts is used, and the changes that it sees are reported', async () => {
  const { folder, ready } = watched();
  watcher.emit('ready');
  await ready;
  watcher.emit('all', 'change', file('a.plugin.ts'));
  watcher.emit('all', 'addDir', file('folder'));
  expect(changed).toEqual([file('a.plugin.ts')]);
  expect(messages()).toEqual([]);
  await folder.close();
  expect(watcher.isClosed).toBe(true);
});

test('a watcher that does not start within 3 s is closed, and the folder is polled', async () => {
  jest.useFakeTimers();
  writeFileSync(file('a.plugin.ts'), '1');
  writeFileSync(file('helper.ts'), '1');
  writeFileSync(file('gone.plugin.ts'), '1');
  const { folder, ready } = watched(dir, [file('helper.ts')]);
  jest.advanceTimersByTime(2_999);
  expect(messages()).toEqual([]);
  jest.advanceTimersByTime(1);
  await ready;
  expect(messages()).toEqual([POLLED]);
  expect(watcher.isClosed).toBe(true);
  folder.poll(2_000);
  expect(changed).toEqual([]);
  writeFileSync(file('helper.ts'), '1 and more');
  writeFileSync(file('new.plugin.ts'), '1');
  rmSync(file('gone.plugin.ts'));
  folder.poll(2_500);
  expect(changed).toEqual([]);
  folder.poll(3_000);
  expect(changed.sort()).toEqual(['gone.plugin.ts', 'helper.ts', 'new.plugin.ts'].map(file));
  folder.poll(4_000);
  expect(changed).toHaveLength(3);
});

test.each(['ENOSPC', 'EMFILE', 'ENFILE'])(
  'where the system has no watches left (%s), the folder is polled',
  async (code) => {
    const { ready } = watched();
    watcher.emit('error', Object.assign(new Error(`${code}: no more`), { code }));
    await ready;
    watcher.emit('error', Object.assign(new Error(`${code}: no more`), { code }));
    expect(messages()).toEqual([POLLED]);
    expect(log.lines[0]).toMatchObject({ fields: { dir, why: `${code}: no more` } });
  },
);

test('another error of the watcher is logged, and the watcher stays in use', async () => {
  const { ready } = watched();
  watcher.emit('error', Object.assign(new Error('odd'), { code: 'EIO' }));
  watcher.emit('ready');
  await ready;
  expect(messages()).toEqual(['watching the plugins folders failed']);
  expect(watcher.isClosed).toBe(false);
});

test('a folder that is replaced by another gets a new watcher, once', async () => {
  mkdirSync(file('1'));
  mkdirSync(file('2'));
  symlinkSync('1', file('current'));
  const { folder } = watched(file('current'));
  const first = watcher;
  expect(folder.wasReplaced()).toBe(false);
  rmSync(file('current'));
  symlinkSync('2', file('current'));
  expect(folder.wasReplaced()).toBe(true);
  expect(folder.wasReplaced()).toBe(false);
  expect([first.isClosed, watcher.isClosed]).toEqual([true, false]);
  await folder.close();
});

test('packages, version control and unreadable links are not watched, in any location of the plugins folder', () => {
  const root = file('node_modules/plugins');
  mkdirSync(join(root, 'badge'), { recursive: true });
  writeFileSync(join(root, 'a.plugin.ts'), '1');
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('..', join(root, 'badge/up'));
  watched(root);
  const { ignored } = jest.mocked(watch).mock.lastCall![1] as { ignored: (path: string) => boolean };
  const isIgnored = (name: string): boolean => ignored(join(root, name));
  expect(['', 'a.plugin.ts', 'badge', 'not-there.plugin.ts'].map(isIgnored)).toEqual([false, false, false, false]);
  expect(['node_modules', 'badge/node_modules/x', '.git/HEAD', 'loop', 'badge/up'].map(isIgnored)).toEqual(
    Array(5).fill(true),
  );
});

describe('polling', () => {
  const optionsOf = (): unknown => jest.mocked(watch).mock.lastCall![1];
  const POLLS = { usePolling: true, binaryInterval: 1_000, interval: 1_000 };

  test('is off on a local file system', () => {
    watched();
    expect(optionsOf()).not.toHaveProperty('usePolling');
    expect(messages()).toEqual([]);
  });

  test('happens once a second on a file system that does not report all changes, and the log names it', () => {
    jest.mocked(remoteFileSystemOf).mockReturnValue('NFS');
    watched();
    expect(remoteFileSystemOf).toHaveBeenCalledWith(dir);
    expect(optionsOf()).toMatchObject(POLLS);
    expect(log.lines).toMatchObject([
      { level: 'info', message: 'a plugins folder is polled', fields: { dir, everyMs: 1_000, fileSystem: 'NFS' } },
    ]);
  });

  test('happens at the interval of the config on any file system', () => {
    watched(dir, [], 5_000);
    expect(optionsOf()).toMatchObject({ usePolling: true, binaryInterval: 5_000, interval: 5_000 });
    expect(log.lines).toMatchObject([{ message: 'a plugins folder is polled', fields: { everyMs: 5_000 } }]);
  });
});
