import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadPlugins, type LoadedPlugin } from '../../support/loaded-plugins';

/** A plugin whose handler returns what the expression says. */
function plugin(returns: string, before = '', constructor = '', handler = `@Subscribe('a') async handle()`): string {
  return `import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { container, delay, inject, injectable } from 'tsyringe';
${before}
@Plugin()
export class SomePlugin {
  ${constructor}
  ${handler} { return ${returns}; }
}
`;
}

/** A package, as its package.json and its files say. */
function packed(name: string, manifest: object, files: Record<string, string>): Record<string, string> {
  const all = { 'package.json': JSON.stringify({ name, version: '1.0.0', ...manifest }), ...files };
  return Object.fromEntries(Object.entries(all).map(([path, text]) => [`node_modules/${name}/${path}`, text]));
}

const keys = (expression: string): string => `Object.keys(${expression}).sort()`;
const PLUGINS: Record<string, string> = {
  // Packages of the plugin's own that need the host's.
  'contracts.plugin.ts': plugin(
    '[e instanceof Contract, Contract.subject]',
    `import { Contract } from '@acme/contracts';`,
    '',
    '@Subscribe() handle(e: Contract)',
  ),
  'contracts-esm.plugin.ts': plugin('EsmContract.subject', `import { EsmContract } from 'esm-contracts';`),
  'contracts-esm-later.plugin.ts': plugin(`(await import('esm-contracts')).EsmContract.subject`),
  'repo.plugin.ts': plugin(
    '[this.repo.store.constructor.name, this.repo === container.resolve(PackagedRepo)]',
    `import { PackagedRepo } from 'packaged-repo';`,
    `constructor(@inject('PackagedRepo') private readonly repo: any) {}`,
  ),
  'lacking.plugin.ts': plugin('0', `import 'lacking';`),
  // Packages that are ES modules.
  'import-only.plugin.ts': plugin('hi', `import { hi } from 'import-only';`),
  'import-only-later.plugin.ts': plugin(keys(`await import('import-only')`)),
  'import-pattern.plugin.ts': plugin(
    '[a, n]',
    `import { a } from 'import-only/features/a.js'; import n from 'import-only/nested';`,
  ),
  'top-await.plugin.ts': plugin('0', `\nimport { later } from 'top-await';\nlater;`),
  'top-await-later.plugin.ts': plugin(`(await import('top-await')).later`),
  'computed.plugin.ts': plugin(`(await import(['top', 'await'].join('-'))).later`),
  'builtin-later.plugin.ts': plugin(
    `typeof (await import('node:fs')).readFileSync + typeof (await import('path')).default.join`,
  ),
  'sdk-later.plugin.ts': plugin(
    `(await import('jetplug/sdk')).Store === Store && (await import('tsyringe')).container === container`,
  ),
  // Files of the plugin's own.
  'mts.plugin.ts': plugin(
    '[m, c, s, j]',
    `import { m } from './lib/m.mts'; import { c } from './lib/c.cts'; import { m as s } from './lib/m.mjs'; import { c as j } from './lib/c';`,
  ),
  'mts-later.plugin.ts': plugin(`(await import('./lib/m.mts')).m`),
  'esm-helper.plugin.ts': plugin(
    '[one, two]',
    `import { one } from './typed/one.js'; import { two } from './typed/two.cjs';`,
  ),
  'own-top-await.plugin.ts': plugin('0', `import './lib/awaits.mjs';`),
  'own-top-await-later.plugin.ts': plugin(
    `[(await import('./lib/awaits.mjs')).value, (await import('./lib/awaits.mjs')).value]`,
  ),
  'itself-awaits.plugin.ts': plugin('0', 'await Promise.resolve();'),
  'json.plugin.ts': plugin(
    '[bom.a, attributed.a, (await import("./lib/bom.json", { with: { type: "json" } })).default.a, marked]',
    `import bom from './lib/bom.json'; import attributed from './lib/bom.json' with { type: 'json' }; import { marked } from './lib/marked';`,
  ),
  'meta.plugin.ts': plugin(
    '[data.a, import.meta.url.startsWith("file:"), typeof import.meta.dirname]',
    `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const data = require('./lib/plain.json');`,
  ),
  // Names that package.json gives to files.
  'internal/package.json': JSON.stringify({
    name: 'internal-plugins',
    imports: { '#rules/*': './rules/*.ts', '#esm': { import: './rules/esm.mjs' } },
    exports: { './rules': './rules/first.ts' },
  }),
  'internal/rules/first.ts': `export const rule: string = 'first';`,
  'internal/rules/esm.mjs': `export const esm = 'esm';`,
  'internal/index.plugin.ts': plugin(
    '[rule, esm, self, (await import("#rules/first")).rule]',
    `import { rule } from '#rules/first'; import { esm } from '#esm'; import { rule as self } from 'internal-plugins/rules';`,
  ),
  'workspace.plugin.ts': plugin('typed', `import { typed } from '@acme/workspace';`),
  'tsconfig.json': `{ /* with a comment */ "compilerOptions": { "paths": { "@/*": ["./lib/*"], "exactly": ["./lib/c"] }, }, }`,
  'paths.plugin.ts': plugin('0', `import '@/plain';`),
  'no-paths.plugin.ts': plugin('0', `import 'nowhere';`),
  // Types.
  'types.plugin.ts': plugin(
    'this.mailer',
    `import { Mailer } from './lib/types'; import { Sender } from './lib/sender.d.ts'; container.register('Mailer', { useValue: 'mailer' });`,
    `constructor(@inject('Mailer') private readonly mailer: Mailer, @inject('Mailer') sender: Sender) {}`,
  ),
  'types-as-value.plugin.ts': plugin('0', `import { Mailer } from './lib/types';\nexport const mailer = new Mailer();`),
  // Import cycles.
  'circle-extends.plugin.ts': plugin('0', `import './circle/base';`),
  'circle/base.ts': `import { Derived } from './derived';\nexport class Base { make() { return new Derived(); } }`,
  'circle/derived.ts': `import { Base } from './base';\nexport class Derived extends Base {}`,
  'circle-inject.plugin.ts': plugin('0', `import { First } from './circle/first';`, 'constructor(first: First) {}'),
  'circle/first.ts': `import { injectable } from 'tsyringe';\nimport { Second } from './second';\n@injectable() export class First { constructor(second: Second) {} }`,
  'circle/second.ts': `import { injectable } from 'tsyringe';\nimport { First } from './first';\n@injectable() export class Second { constructor(first: First) {} }`,
  'circle-barrel.plugin.ts': plugin('0', `import { A } from './barrel';`, 'constructor(a: A) {}'),
  'barrel/index.ts': `export * from './a';\nexport * from './b';`,
  'barrel/a.ts': `import { injectable } from 'tsyringe';\nimport { B } from '.';\n@injectable() export class A { constructor(b: B) {} }`,
  'barrel/b.ts': `export class B {}`,
  'circle-event.plugin.ts': plugin(
    '0',
    `import './circle/uses-plugin'; import { defineEvent } from 'jetplug/sdk'; import { z } from 'zod';\nexport class Happened extends defineEvent('b', z.object({})) {}`,
  ),
  'circle/uses-plugin.ts': `import { Subscribe } from 'jetplug/sdk';\nimport { Happened } from '../circle-event.plugin';\nexport class Other { @Subscribe() handle(e: Happened) {} }\nexport const made = new Happened({} as any);`,
  'circle-const.plugin.js': `const { Plugin, Subscribe } = require('jetplug/sdk');\nconst { make } = require('./circle/commonjs');\n@Plugin() class SomePlugin { @Subscribe('a') handle() {} }\nmodule.exports = { SomePlugin, limit: 5 };`,
  'circle/commonjs.js': `const { limit } = require('../circle-const.plugin.js');\nexports.make = limit.toFixed(1);`,
  'circle-delay.plugin.ts': plugin(
    'this.a.b.store.constructor.name + this.a.b.a.b.store.constructor.name',
    `import { A } from './circle/delay-a';`,
    'constructor(private readonly a: A) {}',
  ),
  'circle/delay-a.ts': `import { delay, inject, injectable } from 'tsyringe';\nimport { B } from './delay-b';\n@injectable() export class A { constructor(@inject(delay(() => B)) readonly b: B) {} }`,
  'circle/delay-b.ts': `import { delay, inject, injectable } from 'tsyringe';\nimport { Store } from 'jetplug/sdk';\nimport { A } from './delay-a';\n@injectable() export class B { constructor(@inject(delay(() => A)) readonly a: A, readonly store: Store) {} }`,
  'circle-harmless.plugin.ts': plugin('even(4)', `import { even } from './circle/even';`),
  'circle/even.ts': `import { odd } from './odd';\nexport const even = (n: number): boolean => n === 0 || odd(n - 1);`,
  'circle/odd.ts': `import { even } from './even';\nexport const odd = (n: number): boolean => n !== 0 && even(n - 1);`,
  'circle-own-fault.plugin.ts': plugin('0', `import './circle/own-fault';`),
  'circle/own-fault.ts': `import './own-fault-back';\nexport const n = 1;\nthrow new TypeError('my own');`,
  'circle/own-fault-back.ts': `import * as back from './own-fault';\nexport const later = () => back.n;`,
  // Files that the plugins above import.
  'lib/m.mts': `export const m: string = 'mts';`,
  'lib/c.cts': `export const c: string = 'cts';`,
  'lib/awaits.mjs': `export const value = await Promise.resolve('awaited');`,
  'lib/bom.json': '\uFEFF{"a":1}',
  'lib/plain.json': '{"a":2}',
  'lib/marked.ts': `\uFEFFexport const marked: string = 'marked';`,
  'lib/types.d.ts': `export interface Mailer { send(): void; }`,
  'lib/sender.d.ts': `export declare class Sender {}`,
  'typed/package.json': '{"type":"module"}',
  'typed/one.js': `import two from './two.cjs';\nexport const one = 'one' + two.two;`,
  'typed/two.cjs': `exports.two = 'two';`,
  ...packed(
    '@acme/contracts',
    { main: 'index.js' },
    {
      'index.js': `const { defineEvent } = require('jetplug/sdk'); const { z } = require('zod');\nexports.Contract = class Contract extends defineEvent('video.a', z.object({})) {};`,
    },
  ),
  ...packed(
    'esm-contracts',
    { type: 'module', exports: './index.js' },
    {
      'index.js': `import { defineEvent } from 'jetplug/sdk';\nimport { z } from 'zod';\nimport { subject } from './subject.js';\nexport class EsmContract extends defineEvent(subject, z.object({})) {}`,
      'subject.js': `export const subject = 'video.esm';`,
    },
  ),
  ...packed(
    'packaged-repo',
    { main: 'index.js' },
    {
      'index.js': `const { Store } = require('jetplug/sdk'); const { container, Lifecycle, injectable } = require('tsyringe');
class PackagedRepo { constructor(store) { this.store = store; } }
Reflect.defineMetadata('design:paramtypes', [Store], PackagedRepo);
injectable()(PackagedRepo);
container.register(PackagedRepo, { useClass: PackagedRepo }, { lifecycle: Lifecycle.ContainerScoped });
container.register('PackagedRepo', { useToken: PackagedRepo });
exports.PackagedRepo = PackagedRepo;`,
    },
  ),
  ...packed('lacking', { main: 'index.js' }, { 'index.js': `require('not-there-at-all');` }),
  ...packed(
    'import-only',
    {
      type: 'module',
      exports: {
        '.': { import: './index.js' },
        './features/*.js': { import: './features/*.js' },
        './nested': { node: { import: ['./nested.js'] } },
      },
    },
    {
      'index.js': `export const hi = 'hi'; export default function f() {}`,
      'features/a.js': `export const a = 'a';`,
      'nested.js': `export default 'nested';`,
    },
  ),
  ...packed(
    'top-await',
    { type: 'module', exports: './index.js' },
    { 'index.js': `export const later = await Promise.resolve('later');` },
  ),
};

let folder: string;
let reports: Record<string, LoadedPlugin>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-modules-'));
  write(folder, PLUGINS);
  const links = writeLinks();
  const files = Object.keys(PLUGINS).filter((name) => /^[^/]+\.plugin\.[jt]s$|^internal\/index/.test(name));
  reports = await loadPlugins([...files, ...links].map((name) => join(folder, name)));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

function write(to: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    writeFileSync(join(to, name), text);
  }
}

/** Plugins that are links, and a package of a workspace, which is one too. */
function writeLinks(): string[] {
  const linked = plugin('helper', `import { helper } from './helper';`);
  write(folder, {
    'real/helper.ts': `export const helper = 'beside the real file';`,
    'real/linked.plugin.ts': linked,
    'links-clash/helper.ts': `export const helper = 'beside the link';`,
    'elsewhere/linked.plugin.ts': linked,
    'links-own/helper.ts': `export const helper = 'beside the link';`,
    'links-own/node_modules/beside-link/index.js': `exports.n = 1;`,
    'packages/workspace/package.json': '{"name":"@acme/workspace","main":"src/index.ts"}',
    'packages/workspace/src/index.ts': `export { typed } from './typed';`,
    'packages/workspace/src/typed.ts': `export const typed: string = 'typed';`,
    'links-plain/.keep': '',
  });
  symlinkSync('../../packages/workspace', join(folder, 'node_modules/@acme/workspace'));
  symlinkSync('../real/linked.plugin.ts', join(folder, 'links-plain/one.plugin.ts'));
  symlinkSync('../real/linked.plugin.ts', join(folder, 'links-clash/two.plugin.ts'));
  symlinkSync('../elsewhere/linked.plugin.ts', join(folder, 'links-own/three.plugin.ts'));
  // As Kubernetes mounts a ConfigMap: each file is a link into the folder of its release.
  write(folder, { 'map/..1/four.plugin.ts': linked, 'map/..1/helper.ts': `export const helper = 'of the release';` });
  symlinkSync('..1', join(folder, 'map/..data'));
  for (const name of ['four.plugin.ts', 'helper.ts']) symlinkSync(`..data/${name}`, join(folder, 'map', name));
  return ['links-plain/one.plugin.ts', 'links-clash/two.plugin.ts', 'links-own/three.plugin.ts', 'map/four.plugin.ts'];
}

const report = (name: string): LoadedPlugin => reports[join(folder, name)]!;
const result = (name: string): unknown => {
  const { results, errors, faults } = report(name);
  expect({ name, errors, faults }).toEqual({ name, errors: [], faults: undefined });
  return results[0];
};
const fault = (name: string): unknown => {
  expect(report(name).faults).toHaveLength(1);
  return report(name).faults![0];
};

test.each<[name: string, returned: unknown]>([
  ['contracts.plugin.ts', [false, 'video.a']],
  ['contracts-esm.plugin.ts', 'video.esm'],
  ['contracts-esm-later.plugin.ts', 'video.esm'],
])('a package in the plugin’s own node_modules finds the host’s packages: %s', (name, returned) => {
  expect(result(name)).toEqual(returned);
});

test('classes that a package registers are built with the plugin’s own services, once for the plugin', () => {
  expect(result('repo.plugin.ts')).toEqual(['TextStore', true]);
});

test.each<[name: string, returned: unknown]>([
  ['import-only.plugin.ts', 'hi'],
  ['import-only-later.plugin.ts', ['default', 'hi']],
  ['import-pattern.plugin.ts', ['a', 'nested']],
  ['top-await-later.plugin.ts', 'later'],
  ['computed.plugin.ts', 'later'],
  ['builtin-later.plugin.ts', 'functionfunction'],
  ['sdk-later.plugin.ts', true],
])('an ES module is imported, or awaited, as Node.js would: %s', (name, returned) => {
  expect(result(name)).toEqual(returned);
});

test.each<[name: string, returned: unknown]>([
  ['mts.plugin.ts', ['mts', 'cts', 'mts', 'cts']],
  ['mts-later.plugin.ts', 'mts'],
  ['esm-helper.plugin.ts', ['onetwo', 'two']],
  ['own-top-await-later.plugin.ts', ['awaited', 'awaited']],
  ['json.plugin.ts', [1, 1, 1, 'marked']],
  ['meta.plugin.ts', [2, true, 'string']],
])('a helper file is loaded by its own rules: %s', (name, returned) => {
  expect(result(name)).toEqual(returned);
});

test('import aliases of package.json resolve to their files, in TypeScript too, and the files are the plugin’s own', () => {
  expect(result('internal/index.plugin.ts')).toEqual(['first', 'esm', 'first', 'first']);
  expect(report('internal/index.plugin.ts').sources).toContain(join(folder, 'internal/rules/first.ts'));
  expect(result('workspace.plugin.ts')).toBe('typed');
});

test('a linked plugin file imports files beside the real file, else files beside the link', () => {
  expect(result('links-plain/one.plugin.ts')).toBe('beside the real file');
  expect(result('links-clash/two.plugin.ts')).toBe('beside the real file');
  expect(result('links-own/three.plugin.ts')).toBe('beside the link');
});

test('a helper that is linked like its plugin is identified by its link, whose target may be replaced', () => {
  expect(result('map/four.plugin.ts')).toBe('of the release');
  expect(report('map/four.plugin.ts').sources).toEqual(
    ['map/four.plugin.ts', 'map/helper.ts'].map((one) => join(folder, one)),
  );
});

test('an interface of a declaration file is a type, not a value', () => {
  expect(result('types.plugin.ts')).toBe('mailer');
  expect(fault('types-as-value.plugin.ts')).toMatchObject({
    code: 'JP_PLUGIN_IMPORT_NOT_FOUND',
    message: `Mailer is used as a value, but ${join(folder, 'lib/types.d.ts')} only declares it`,
    line: 4,
  });
});

test.each<[name: string, file: string, line: number, message: string]>([
  ['top-await.plugin.ts', 'top-await.plugin.ts', 4, '"top-await" awaits at its top level'],
  ['own-top-await.plugin.ts', 'lib/awaits.mjs', 1, 'the file awaits at its top level'],
  ['itself-awaits.plugin.ts', 'itself-awaits.plugin.ts', 3, 'the file awaits at its top level'],
])('a file with a top-level await that is imported at the start is named: %s', (name, file, line, message) => {
  expect(fault(name)).toMatchObject({ code: 'JP_PLUGIN_IMPORT_ASYNC', message, file: join(folder, file) });
  expect((fault(name) as { line?: number }).line).toBe(line);
});

test('a package that lacks a package is named with the file that imports it', () => {
  expect(fault('lacking.plugin.ts')).toMatchObject({
    code: 'JP_PLUGIN_IMPORT_NOT_FOUND',
    message: `cannot find "not-there-at-all", imported by ${join(folder, 'node_modules/lacking/index.js')}, which ${join(folder, 'lacking.plugin.ts')} imports`,
  });
});

test('a name that only tsconfig.json maps is explained', () => {
  expect(fault('paths.plugin.ts')).toMatchObject({
    code: 'JP_PLUGIN_IMPORT_NOT_FOUND',
    hint: expect.stringContaining(`does not follow the paths of ${join(folder, 'tsconfig.json')}`) as string,
    line: 3,
  });
  expect(fault('no-paths.plugin.ts')).toMatchObject({ hint: expect.stringMatching(/^Correct the path/) as string });
});

test.each<[name: string, message: RegExp, place: object]>([
  [
    'circle-extends.plugin.ts',
    /^Cannot access 'Base' before initialization: a circular import, circle\/base\.ts → circle\/derived\.ts → circle\/base\.ts$/,
    { file: 'circle/derived.ts', line: 2 },
  ],
  [
    'circle-inject.plugin.ts',
    /^Second’s constructor parameter 1 \(first\) is First, which is not defined yet: a circular import, circle\/first\.ts → circle\/second\.ts → circle\/first\.ts$/,
    {},
  ],
  [
    'circle-barrel.plugin.ts',
    /^A’s constructor parameter 1 \(b\) is B, which is not defined yet: a circular import, barrel\/index\.ts → barrel\/a\.ts → barrel\/index\.ts$/,
    {},
  ],
  [
    'circle-event.plugin.ts',
    /^Cannot access 'Happened' before initialization: a circular import, circle-event\.plugin\.ts → circle\/uses-plugin\.ts → circle-event\.plugin\.ts$/,
    { file: 'circle/uses-plugin.ts', line: 4 },
  ],
  [
    'circle-const.plugin.js',
    /^Cannot read properties of undefined \(reading 'toFixed'\): a circular import, circle-const\.plugin\.js → circle\/commonjs\.js → circle-const\.plugin\.js$/,
    { file: 'circle/commonjs.js', line: 2 },
  ],
])('a circular import is named with its chain: %s', (name, message, place) => {
  const { file, line } = place as { file?: string; line?: number };
  expect(fault(name)).toMatchObject({
    code: 'JP_PLUGIN_CIRCULAR_IMPORT',
    message: expect.stringMatching(message) as string,
    ...(file !== undefined && { file: join(folder, file), line }),
  });
});

test('a harmless import cycle is loaded, and an error within a cycle that has another cause keeps its name', () => {
  expect(result('circle-delay.plugin.ts')).toBe('TextStoreTextStore');
  expect(result('circle-harmless.plugin.ts')).toBe(true);
  expect(fault('circle-own-fault.plugin.ts')).toMatchObject({
    code: 'JP_PLUGIN_LOAD_FAILED',
    message: 'TypeError: my own',
  });
});
