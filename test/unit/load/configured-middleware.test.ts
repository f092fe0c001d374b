import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../../host/load/compile';
import { isMiddlewareClass } from '../../../host/load/middleware';
import { readModules } from '../../../host/load/module-graph';

let folder: string;
beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'jetplug-middleware-')))));
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string) => join(folder, name);

/** Compiles a plugin with one module of middleware. */
function compiledWith(source: string | undefined) {
  writeFileSync(
    file('a.plugin.js'),
    `const { Plugin } = require('jetplug/sdk'); exports.A = class A {}; Plugin()(exports.A);`,
  );
  if (source !== undefined) writeFileSync(file('around.ts'), source);
  return compile({ file: file('a.plugin.js') }, { use: [file('around.ts')] });
}

test.each([
  ['as default', 'export default async function around() {}; export const other = () => 1;'],
  ['as its only function', 'export const around = async () => {}; export const LIMIT = 5;'],
  ['as the module itself', 'module.exports = function around() {};'],
])('a module exports its middleware %s', (_how, source) => {
  expect(compiledWith(source).use!.map(({ name }) => name)).toEqual(['around']);
});

test('a module may export a class', () => {
  const { use } = compiledWith('export class Around { handle() {} }');
  expect(use!.map((one) => isMiddlewareClass(one))).toEqual([true]);
});

test('the sources of the middleware are among the plugin’s, so that an edit makes a new version', () => {
  const first = compiledWith('export default () => 1;');
  const second = compiledWith('export default () => 2;');
  expect([...first.sources.keys()]).toEqual([file('a.plugin.js'), file('around.ts')]);
  expect(second.version).not.toBe(first.version);
  expect([...readModules(file('a.plugin.js'), [file('around.ts')]).keys()]).toEqual([...first.sources.keys()]);
});

test.each([
  ['export const LIMIT = 5;', 1, /around\.ts exports no middleware$/],
  [
    'export const a = () => 1; export const b = () => 2;',
    1,
    /around\.ts exports several functions and none as default: a, b$/,
  ],
  ['export default function* around() {}', 1, /around\.ts exports no middleware$/],
  ['\nthrow new RangeError("no limit");', 2, /around\.ts cannot be loaded: no limit$/],
  ['export default (', 1, /around\.ts cannot be loaded: /],
])('%j is refused with its file and line', (source, line, message) => {
  expect(() => compiledWith(source)).toThrow(
    expect.objectContaining({
      code: 'JP_MIDDLEWARE_NOT_LOADED',
      file: file('around.ts'),
      line,
      message: expect.stringMatching(message) as string,
    }),
  );
});

test('a module that does not exist is refused with the cause', () => {
  expect(() => compiledWith(undefined)).toThrow(
    expect.objectContaining({
      code: 'JP_MIDDLEWARE_NOT_LOADED',
      file: file('around.ts'),
      cause: expect.objectContaining({ code: 'JP_PLUGIN_LOAD_FAILED' }) as unknown,
    }),
  );
});
