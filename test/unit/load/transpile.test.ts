import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { transpile, transpileAside } from '../../../host/load/transpile';

function run(file: string, source: string): Record<string, unknown> {
  const module = { exports: {} as Record<string, unknown> };
  runInNewContext(transpile(file, source), { module, exports: module.exports, require: () => ({}) });
  return module.exports;
}

test('makes CommonJS of TypeScript', () => {
  expect(run('/p/a.ts', 'export const n: number = 1 as number;')['n']).toBe(1);
});

test('makes CommonJS of JavaScript, of either kind, with decorators', () => {
  expect(run('/p/a.js', 'export const n = 1;')['n']).toBe(1);
  expect(run('/p/b.js', 'module.exports.n = 1;')['n']).toBe(1);
  expect(run('/p/c.js', 'function mark(cls) { cls.marked = 1; }\nexport @mark class A {}')['A']).toHaveProperty(
    'marked',
    1,
  );
});

test('keeps the types of parameters as metadata', () => {
  const code = transpile('/p/a.ts', 'declare const d: any;\n@d class A { constructor(b: Map<string, string>) {} }');
  expect(code).toMatch(/"design:paramtypes", \[\s*typeof Map/);
});

test('keeps the names of classes', () => {
  const { A } = run('/p/a.ts', 'function mark(cls: unknown) {}\n@mark export class A {}') as { A: { name: string } };
  expect(A.name).toBe('A');
});

test('carries its source map, with the text’s own path', () => {
  const map = /sourceMappingURL=data:application\/json;[^,]*base64,(.+)/.exec(
    transpile('/p/a.ts', 'export const n = 1;'),
  )![1]!;
  expect(JSON.parse(Buffer.from(map, 'base64').toString())).toMatchObject({ sources: ['/p/a.ts'] });
});

test('the same text of one file is compiled once', () => {
  const first = transpile('/p/same.ts', 'export const n = 1;');
  expect(transpile('/p/same.ts', 'export const n = 1;')).toBe(first);
  expect(transpile('/p/same.ts', 'export const n = 2;')).not.toBe(first);
});

test.each<[what: string, file: string, source: string, line: number, says: RegExp]>([
  ['a missing bracket', '/p/a.ts', 'const a = 1;\nconst b = [;\n', 2, /Expression expected/],
  ['half a file', '/p/a.ts', 'export class A {\n  b() {\n', 2, /Expected '}'|Unexpected eof/],
  ['text that is no program', '/p/a.plugin.ts', 'this is no program', 1, /Expected/],
  ['types in JavaScript', '/p/a.js', '\n\nconst a: number = 1;', 3, /./],
  ['a string without an end', '/p/my plugins (copy)/a.ts', "const a = 'x\n", 1, /Unterminated string/],
])('%s is a coded error with file and line', (_what, file, source, line, says) => {
  expect(() => transpile(file, source)).toThrow(
    expect.objectContaining({ code: 'JP_PLUGIN_SYNTAX', file, line, message: expect.stringMatching(says) as string }),
  );
});

test('the cause of a syntax error is an error that shows the place in the source', () => {
  let cause: unknown;
  try {
    transpile('/p/a.ts', 'const b = [;');
  } catch (error) {
    ({ cause } = error as Error);
  }
  expect(cause).toBeInstanceOf(Error);
  expect(inspect(cause)).toMatch(/^.*Expression expected\n[^]*const b = \[;/m);
});

test('code that was compiled in a thread is identical, and is not compiled again', async () => {
  const source = 'export const n: number = 1;';
  const code = await transpileAside('/p/aside.ts', source);
  expect(transpile('/p/aside.ts', source)).toBe(code);
  expect(await transpileAside('/p/aside.ts', source)).toBe(code);
  expect(code).toBe(transpile('/p/beside.ts', source).replace(/base64,.*/, /base64,.*/.exec(code)![0]));
});

test('a thread reports the same error', async () => {
  await expect(transpileAside('/p/a.ts', 'const a = 1;\nconst b = [;\n')).rejects.toMatchObject({
    code: 'JP_PLUGIN_SYNTAX',
    file: '/p/a.ts',
    line: 2,
  });
});
