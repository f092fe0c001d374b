import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SettledFiles } from '../../../host/watch/settled-files';
import { eventually } from '../../support/eventually';

let folder: string;
let files: SettledFiles;
let settled: string[][];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-settled-'));
  settled = [];
  files = new SettledFiles((paths) => settled.push([...paths].sort()));
});
afterEach(() => {
  files.stop();
  rmSync(folder, { recursive: true });
});

function write(name: string, text = name): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  files.changed(path);
  return path;
}

test('files that change together are reported together', async () => {
  const all = ['a', 'b', 'c'].map((name) => write(name));
  await eventually(() => settled.length > 0);
  expect(settled).toEqual([all]);
});

test('a growing file is reported after its last write, though the watcher noticed only the first', async () => {
  const path = write('growing', '');
  let lastAtMs = 0;
  let writes = 0;
  const writing = setInterval(() => {
    lastAtMs = performance.now();
    appendFileSync(path, 'x');
    if (++writes === 12) clearInterval(writing);
  }, 40);
  await eventually(() => settled.length > 0);
  expect(writes).toBe(12);
  expect(performance.now() - lastAtMs).toBeGreaterThan(90);
});

test('a file that is written all the time does not delay the others', async () => {
  const path = write('log');
  const writing = setInterval(() => appendFileSync(path, 'x'), 20);
  try {
    const other = write('other');
    await eventually(() => settled.length > 0, 3_000);
    expect(settled[0]).toEqual([other]);
  } finally {
    clearInterval(writing);
  }
});

test('a change right after a report is found, though no watcher noticed it', async () => {
  const path = write('twice');
  await eventually(() => settled.length === 1);
  appendFileSync(path, 'more');
  await eventually(() => settled.length === 2);
  expect(settled[1]).toEqual([path]);
});

test('a deleted file is reported too', async () => {
  const path = join(folder, 'gone');
  files.changed(path);
  await eventually(() => settled.length > 0);
  expect(settled).toEqual([[path]]);
});
