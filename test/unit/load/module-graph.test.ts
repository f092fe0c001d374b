import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readModules, versionOf } from '../../../host/load/module-graph';
import { loadModules } from '../../../host/load/module-loader';

let folder: string;
const file = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-modules-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('sources that were read can be loaded without their files, and find packages among the host’s', () => {
  writeFileSync(
    file('a.ts'),
    `import { z } from 'zod';\nimport { b } from './b';\nexport const a = z.number().parse(b);\n`,
  );
  writeFileSync(file('b.ts'), 'export const b = 1;\n');
  const given = readModules(file('a.ts'));
  for (const name of ['a.ts', 'b.ts']) rmSync(file(name));
  expect(loadModules(file('a.ts'), { texts: given }).exports).toMatchObject({ a: 1 });
});

test('reading a plugin follows its imports, also those in functions, and runs none of them', () => {
  writeFileSync(file('a.ts'), `import './b';\nexport const later = () => import('./c.js');\n`);
  writeFileSync(file('b.ts'), `throw new Error('ran');\n`);
  writeFileSync(file('c.ts'), `import zod from 'zod';\nexport { zod };\n`);
  expect([...readModules(file('a.ts')).keys()]).toEqual(['a.ts', 'b.ts', 'c.ts'].map(file));
});

test('a version depends on relative paths and texts, not on the folder or the order of reading', () => {
  const version = versionOf(
    '/x/a.ts',
    new Map([
      ['/x/a.ts', 'a'],
      ['/x/b.ts', 'b'],
    ]),
  );
  expect(
    versionOf(
      '/y/a.ts',
      new Map([
        ['/y/b.ts', 'b'],
        ['/y/a.ts', 'a'],
      ]),
    ),
  ).toBe(version);
  expect(
    versionOf(
      '/x/a.ts',
      new Map([
        ['/x/a.ts', 'a'],
        ['/x/b.ts', 'c'],
      ]),
    ),
  ).not.toBe(version);
});
