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

test('files that change together are handed on together', async () => {
  const all = ['a', 'b', 'c'].map((name) => write(name));
  await eventually(() => settled.length > 0);
  expect(settled).toEqual([all]);
});

test('a file that is being written is left alone until it is not, though nobody tells of its growing', async () => {
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

test('one that is being written for long does not hold up the others', async () => {
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

test('a change that nobody tells of, right after the file was handed on, is found', async () => {
  const path = write('twice');
  await eventually(() => settled.length === 1);
  appendFileSync(path, 'more');
  await eventually(() => settled.length === 2);
  expect(settled[1]).toEqual([path]);
});

test('a file that is gone is handed on as well', async () => {
  const path = join(folder, 'gone');
  files.changed(path);
  await eventually(() => settled.length > 0);
  expect(settled).toEqual([[path]]);
});
