import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileAhead, loadModules, readModules } from '../../../host/load/module-loader';
import * as swc from '@swc/core';

let folder: string;
const file = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-modules-'));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

test('what was compiled ahead is not compiled again when it is loaded, nor is what it imports', async () => {
  writeFileSync(file('a.ts'), `import { b } from './b';\nexport const a = b + 1;\n`);
  writeFileSync(file('b.ts'), `import { limit } from './c.json';\nexport const b: number = limit;\n`);
  writeFileSync(file('c.json'), '{ "limit": 1 }');
  await Promise.all(compileAhead([file('a.ts')]));
  const compiled = jest.spyOn(swc, 'transformSync');
  expect([...readModules(file('a.ts')).keys()]).toEqual(['a.ts', 'b.ts', 'c.json'].map(file));
  expect(loadModules(file('a.ts')).exports).toMatchObject({ a: 2 });
  expect(compiled).not.toHaveBeenCalled();
});

test('what cannot be compiled ahead is told when it is loaded, and what is never loaded is not told at all', async () => {
  writeFileSync(file('half.ts'), 'export const a = [;\n');
  writeFileSync(file('a.ts'), `export * from './half';\n`);
  writeFileSync(file('lazy.ts'), `export const later = () => require('./half') as unknown;\n`);
  await Promise.all(compileAhead(['a.ts', 'lazy.ts', 'gone.ts'].map(file)));
  expect(() => loadModules(file('a.ts'))).toThrow(
    expect.objectContaining({ code: 'JP_PLUGIN_SYNTAX', file: file('half.ts'), line: 1 }),
  );
  expect(loadModules(file('lazy.ts')).exports).toHaveProperty('later');
});

test('a file that has changed since is compiled anew', async () => {
  writeFileSync(file('a.ts'), 'export const a: number = 1;\n');
  await Promise.all(compileAhead([file('a.ts')]));
  writeFileSync(file('a.ts'), 'export const a: number = 2;\n');
  const compiled = jest.spyOn(swc, 'transformSync');
  expect(loadModules(file('a.ts')).exports).toMatchObject({ a: 2 });
  expect(compiled).toHaveBeenCalledTimes(1);
});

test('given texts are all that is needed: their files may be gone, and what they import is found among the host’s', () => {
  writeFileSync(
    file('a.ts'),
    `import { z } from 'zod';\nimport { b } from './b';\nexport const a = z.number().parse(b);\n`,
  );
  writeFileSync(file('b.ts'), 'export const b = 1;\n');
  const given = readModules(file('a.ts'));
  for (const name of ['a.ts', 'b.ts']) rmSync(file(name));
  expect(loadModules(file('a.ts'), given).exports).toMatchObject({ a: 1 });
});
