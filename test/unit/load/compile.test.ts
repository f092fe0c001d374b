import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadPlugins, type LoadedPlugin } from '../../support/loaded-plugins';
import { lineOf } from '../../support/plugin-source';

const root = resolve(__dirname, '../../..');
const fixture = (name: string) => join(root, 'test/fixtures', name);
const GOOD = [
  'typed.plugin.ts',
  'folder/index.plugin.ts',
  'decorated.plugin.js',
  'common.plugin.js',
  'circular.plugin.ts',
];
const BROKEN = [
  'syntax.plugin.ts',
  'syntax-in-helper.plugin.ts',
  'throws.plugin.ts',
  'throws-in-helper.plugin.ts',
  'throws-text.plugin.ts',
  'throws-nothing.plugin.js',
  'missing-file.plugin.ts',
  'missing-package.plugin.ts',
  'none.plugin.ts',
  'several.plugin.ts',
  'bad-json.plugin.ts',
  'event-below.plugin.ts',
  'lost-types.plugin.ts',
  'constructor.plugin.ts',
  'start.plugin.ts',
];

const OUTSIDE = `import { defineEvent, EventBus, Plugin, Reject, Store, Subscribe } from 'jetplug/sdk';
import { Lifecycle, scoped } from 'tsyringe';
import { z } from 'zod';

class Happened extends defineEvent('outside.happened', z.object({ n: z.number() })) {}

@scoped(Lifecycle.ContainerScoped)
class Helper {
  constructor(readonly store: Store) {}
}

@Plugin()
export class OutsidePlugin {
  constructor(readonly store: Store<number>, readonly events: EventBus, readonly helper: Helper) {}

  @Subscribe()
  handle(_event: Happened) {
    throw new Reject('no use');
  }
}
`;

let folder: string;
let reports: Record<string, LoadedPlugin>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-compile-'));
  const outside = [writeOutside('alone'), writeOutside('with-its-own-copy', copyPackages), ...writeTwice()];
  outside.push(...writeSharing());
  const files = [...GOOD.map((name) => fixture(`plugins/${name}`)), ...BROKEN.map((name) => fixture(`broken/${name}`))];
  reports = await loadPlugins([...files, ...outside]);
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeOutside(name: string, prepare?: (dir: string) => void): string {
  const dir = join(folder, name);
  mkdirSync(dir);
  prepare?.(dir);
  writeFileSync(join(dir, 'outside.plugin.ts'), OUTSIDE);
  return join(dir, 'outside.plugin.ts');
}

/** Copies the packages that an author may have installed beside the plugins for the editor. */
function copyPackages(dir: string): void {
  for (const path of ['tsyringe', 'reflect-metadata']) {
    cpSync(join(root, 'node_modules', path), join(dir, 'node_modules', path), { recursive: true });
  }
  cpSync(join(root, 'dist/sdk'), join(dir, 'node_modules/jetplug/dist/sdk'), { recursive: true });
  cpSync(join(root, 'package.json'), join(dir, 'node_modules/jetplug/package.json'));
}

/** Plugins of one folder that have a helper, which throws and counts its calls. */
function writeSharing(): string[] {
  const dir = join(folder, 'sharing');
  mkdirSync(dir);
  writeFileSync(
    join(dir, 'calls.ts'),
    'interface Gone {\n  n: number;\n}\nlet calls = 0;\n\nexport function call(): never {\n  throw new Error(`call ${++calls}`);\n}\n',
  );
  return ['One', 'Other'].map((name) => {
    const file = join(dir, `${name}.plugin.ts`);
    writeFileSync(
      file,
      `import { Plugin, Subscribe } from 'jetplug/sdk';\nimport { call } from './calls';\n\n@Plugin()\nexport class ${name}Plugin {\n  @Subscribe('a') handle() {\n    call();\n  }\n}\n`,
    );
    return file;
  });
}

/** One plugin in two folders, and one whose helper alone differs. */
function writeTwice(): string[] {
  return ['one', 'same', 'other'].map((name) => {
    const file = join(folder, name, 'index.plugin.ts');
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'helper.ts'), `export const n = ${name === 'other' ? 2 : 1};\n`);
    writeFileSync(
      file,
      "import { Plugin, Subscribe } from 'jetplug/sdk';\nimport { n } from './helper';\n\n@Plugin()\nexport class TwicePlugin {\n  @Subscribe('a') handle() {\n    return n;\n  }\n}\n",
    );
    return file;
  });
}

const good = (name: string) => reports[fixture(`plugins/${name}`)]!;
const sourceOf = (path: string) => readFileSync(fixture(path), 'utf8');

test('a TypeScript plugin is loaded with every file that it imports by path, and its contracts are recognised', () => {
  const report = good('typed.plugin.ts');
  expect(report).toMatchObject({
    name: 'typed',
    handlers: [
      {
        method: 'onHappened',
        subject: 'fixture.happened',
        durable: 'typed-on-happened',
        line: lineOf(sourceOf('plugins/typed.plugin.ts'), 'async onHappened('),
      },
    ],
  });
  // Types are erased, so that only values are loaded.
  expect(report.sources).toEqual(
    ['typed.plugin.ts', 'contracts.ts', 'lib/index.ts', 'lib/helper.ts', 'limits.json'].map((name) =>
      fixture(`plugins/${name}`),
    ),
  );
  expect(report.contracts.sort()).toEqual(['fixture.followed', 'fixture.happened']);
});

test('a handler’s error names the line of the TypeScript text', () => {
  const line = lineOf(sourceOf('plugins/typed.plugin.ts'), 'throw new RangeError');
  expect(good('typed.plugin.ts').errors).toEqual([
    expect.stringContaining(`at TypedPlugin.onHappened (${fixture('plugins/typed.plugin.ts')}:${line}:`),
  ]);
});

test('a plugin may be a folder with its helpers, and a default export', () => {
  expect(good('folder/index.plugin.ts')).toMatchObject({
    name: 'folder-42',
    handlers: [{ subject: 'fixture.happened' }],
  });
});

test('a plugin may be plain JavaScript, with decorators or without', () => {
  expect(good('decorated.plugin.js')).toMatchObject({
    name: 'decorated',
    handlers: [{ subject: 'fixture.happened', line: 7 }],
  });
  expect(good('common.plugin.js')).toMatchObject({
    name: 'common',
    handlers: [{ subject: 'fixture.>', durable: 'common-handle', line: 4 }],
  });
});

test('modules may import each other', () => {
  expect(good('circular.plugin.ts')).toMatchObject({ name: 'circular', known: 'circular' });
});

test('a plugin outside the repository finds the SDK and packages among the host’s', () => {
  expect(reports[join(folder, 'alone/outside.plugin.ts')]).toMatchObject({
    name: 'outside',
    instance: ['store', 'events', 'helper'],
  });
});

test('a plugin with copies of the SDK and of tsyringe beside it works as one without', () => {
  const report = reports[join(folder, 'with-its-own-copy/outside.plugin.ts')]!;
  expect(report.faults).toBeUndefined();
  expect(report).toMatchObject({
    name: 'outside',
    instance: ['store', 'events', 'helper'],
    handlers: [{ subject: 'outside.happened' }],
  });
  expect(report.errors).toEqual([expect.stringMatching(/^Reject: no use\n/)]);
});

test('a plugin’s version depends on its sources, and not on the folder that they are in', () => {
  const [one, same, other] = ['one', 'same', 'other'].map(
    (name) => reports[join(folder, name, 'index.plugin.ts')]!.version,
  );
  expect(one).toMatch(/^[0-9a-f]{12}$/);
  expect(same).toBe(one);
  expect(other).not.toBe(one);
});

test('plugins that import the same module share its text but not its state; their errors name its line', () => {
  const calls = join(folder, 'sharing/calls.ts');
  for (const name of ['One', 'Other']) {
    const report = reports[join(folder, `sharing/${name}.plugin.ts`)]!;
    expect(report.sources).toContain(calls);
    expect(report.errors).toEqual([expect.stringMatching(/^Error: call 1\n/)]);
    expect(report.errors[0]).toContain(`${calls}:7:`);
  }
});

/** The plugin’s file; the file and line of the error (or a text on that line); its code, message and cause. */
const FAULTS: [
  plugin: string,
  file: string,
  line: number | string | undefined,
  code: string,
  says: RegExp,
  cause?: RegExp,
][] = [
  ['syntax', 'syntax.plugin.ts', 6, 'JP_PLUGIN_SYNTAX', /^Expected/],
  ['syntax-in-helper', 'lib/syntax.ts', 'two = ;', 'JP_PLUGIN_SYNTAX', /^Expression expected$/],
  [
    'throws',
    'throws.plugin.ts',
    "table['none']",
    'JP_PLUGIN_LOAD_FAILED',
    /^TypeError: Cannot read properties of undefined \(reading 'size'\)$/,
    /size/,
  ],
  ['throws-in-helper', 'lib/throws.ts', 'throw new', 'JP_PLUGIN_LOAD_FAILED', /^Error: no luck$/, /no luck/],
  ['throws-text', 'throws-text.plugin.ts', undefined, 'JP_PLUGIN_LOAD_FAILED', /^it threw 'text'$/],
  [
    'missing-file',
    'missing-file.plugin.ts',
    './lib/gone',
    'JP_PLUGIN_IMPORT_NOT_FOUND',
    /^cannot find "\.\/lib\/gone", imported by .*missing-file\.plugin\.ts$/,
  ],
  [
    'missing-package',
    'lib/missing.ts',
    'no-such-package',
    'JP_PLUGIN_IMPORT_NOT_FOUND',
    /imported by .*missing\.ts, which .*missing-package\.plugin\.ts imports$/,
    /Cannot find module 'no-such-package-anywhere'/,
  ],
  ['none', 'none.plugin.ts', 'class NotExportedPlugin', 'JP_PLUGIN_NONE_EXPORTED', /^NotExportedPlugin has @Plugin/],
  ['several', 'several.plugin.ts', 1, 'JP_PLUGIN_SEVERAL_EXPORTED', /exports 2 plugins: OnePlugin, TwoPlugin$/],
  ['bad-json', 'lib/bad.json', 'oops', 'JP_PLUGIN_LOAD_FAILED', /^not JSON: .*position 14$/, /JSON/],
  [
    'event-below',
    'event-below.plugin.ts',
    8,
    'JP_PLUGIN_LOAD_FAILED',
    /Cannot access 'Below' before initialization/,
    /Below/,
  ],
  [
    'constructor',
    'constructor.plugin.ts',
    'nothing.n',
    'JP_PLUGIN_CONSTRUCTOR_FAILED',
    /^ConstructorPlugin: Cannot read properties/,
    /reading 'n'/,
  ],
  [
    'start',
    'start.plugin.ts',
    'throw new RangeError',
    'JP_PLUGIN_START_FAILED',
    /^StartPlugin\.onStart: RangeError: not today$/,
    /not today/,
  ],
];

test.each(FAULTS)('the plugin %s is refused in %s at %j by %s', (plugin, file, line, code, says, ...[cause]) => {
  const { faults } = reports[fixture(`broken/${plugin}.plugin.ts`)]!;
  const path = fixture(`broken/${file}`);
  expect(faults).toHaveLength(1);
  expect(faults![0]).toMatchObject({ code, message: expect.stringMatching(says) as string, file: path });
  expect(faults![0]!.line).toBe(typeof line === 'string' ? lineOf(readFileSync(path, 'utf8'), line) : line);
  expect(faults![0]!.hint).toMatch(/\.$/);
  if (cause) expect(faults![0]!.cause).toMatch(cause);
});

test('a plugin that throws a value without a text form is refused with a readable message', () => {
  expect(reports[fixture('broken/throws-nothing.plugin.js')]!.faults).toMatchObject([
    { code: 'JP_PLUGIN_LOAD_FAILED', message: 'it threw [Object: null prototype] {}' },
  ]);
});

test('each parameter type that is lost at run time is named at the line of its method', () => {
  const source = sourceOf('broken/lost-types.plugin.ts');
  const { faults } = reports[fixture('broken/lost-types.plugin.ts')]!;
  expect(faults!.map(({ code, line }) => [code, line])).toEqual([
    ['JP_INJECT_INTERFACE', lineOf(source, 'constructor')],
    ['JP_HANDLER_NO_EVENT', lineOf(source, 'byTypeImport(')],
    ['JP_HANDLER_NO_EVENT', lineOf(source, 'byInterface(')],
    ['JP_HANDLER_NO_EVENT', lineOf(source, 'byArray(')],
    ['JP_HANDLER_NO_EVENT', lineOf(source, 'byNothing(')],
  ]);
});
