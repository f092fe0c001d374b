import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModules } from '../../../host/load/module-loader';
import * as swc from '@swc/core';
import { readModules } from '../../../host/load/module-graph';
import { compileAhead } from '../../../host/load/compile-ahead';

let folder: string;
const file = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-modules-'));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('files compiled ahead, and the files they import, are not compiled again when they are loaded', async () => {
  writeFileSync(file('a.ts'), `import { b } from './b';\nexport const a = b + 1;\n`);
  writeFileSync(file('b.ts'), `import { limit } from './c.json';\nexport const b: number = limit;\n`);
  writeFileSync(file('c.json'), '{ "limit": 1 }');
  await Promise.all(compileAhead([file('a.ts')]));
  const compiled = jest.spyOn(swc, 'transformSync');
  expect([...readModules(file('a.ts')).keys()]).toEqual(['a.ts', 'b.ts', 'c.json'].map(file));
  expect(loadModules(file('a.ts')).exports).toMatchObject({ a: 2 });
  expect(compiled).not.toHaveBeenCalled();
});

test('a file that does not compile ahead is reported when it is loaded, and never if it is not loaded', async () => {
  writeFileSync(file('half.ts'), 'export const a = [;\n');
  writeFileSync(file('a.ts'), `export * from './half';\n`);
  writeFileSync(file('lazy.ts'), `export const later = () => require('./half') as unknown;\n`);
  await Promise.all(compileAhead(['a.ts', 'lazy.ts', 'gone.ts'].map(file)));
  expect(() => loadModules(file('a.ts'))).toThrow(
    expect.objectContaining({ code: 'JP_PLUGIN_SYNTAX', file: file('half.ts'), line: 1 }),
  );
  expect(loadModules(file('lazy.ts')).exports).toHaveProperty('later');
});

test('a file that changed after it was compiled ahead is compiled again', async () => {
  writeFileSync(file('a.ts'), 'export const a: number = 1;\n');
  await Promise.all(compileAhead([file('a.ts')]));
  writeFileSync(file('a.ts'), 'export const a: number = 2;\n');
  const compiled = jest.spyOn(swc, 'transformSync');
  expect(loadModules(file('a.ts')).exports).toMatchObject({ a: 2 });
  expect(compiled).toHaveBeenCalledTimes(1);
});
