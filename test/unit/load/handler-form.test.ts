/** `@Subscribe` on something whose body would never run is refused, with the line at fault. */
import { loadConfig } from '../../../host/config/load';
import { compile } from '../../../host/load/compile';
import { instantiate } from '../../../host/load/instantiate';
import type { PluginServices } from '../../../host/load/injectables';
import { describe as describePlugin } from '../../../host/load/describe';
import { forgetClasses } from '../../../host/load/classes';
import type { JetplugError } from '../../../sdk/internal';
import { lineOf, pluginSource } from '../../support/plugin-source';
import { Scene } from '../../support/scene';

const scene = new Scene();
afterAll(() => scene.end());
const { config } = loadConfig({ cwd: '/', env: {} });

function load(source: string) {
  const folder = scene.folder({ 'x.plugin.ts': source });
  const compiled = compile({ file: `${folder}/x.plugin.ts` });
  try {
    return describePlugin(compiled, config);
  } finally {
    forgetClasses(compiled.classes);
  }
}

function problemsOf(source: string): JetplugError[] {
  try {
    load(source);
  } catch (error) {
    return (error as AggregateError).errors as JetplugError[];
  }
  return [];
}

const SUBSCRIBE = '@Subscribe(VideoWatchStarted as any) ';

test.each([
  ['a generator', '*award(_: any) { yield 1; }'],
  ['a generator', 'async *award(_: any) { yield 1; }'],
  ['a generator', 'public async * award(_: any) { yield 1; }'],
  ['a static member', 'static award(_: any) {}'],
  ['a static member', 'static async award(_: any) {}'],
  ['a static member', 'static *award(_: any) { yield 1; }'],
  ['a getter or setter', 'get award(): any { return () => undefined; }'],
  ['a getter or setter', 'set award(_: any) {}'],
  ['a property', 'award = (_: any) => undefined;'],
  ['a property', 'readonly award?: string;'],
  ['a property', 'private award!: (event: any) => void;'],
])('%s is refused: %s', (form, member) => {
  const source = pluginSource(
    'BadgePlugin',
    `  private readonly seen = new Set<string>();

  @Subscribe(VideoWatchStarted) fine(_: any) {}

  @(Subscribe as any)(VideoWatchStarted)
  ${member} // HERE`,
  );
  const problems = problemsOf(source);
  expect(problems.map(({ code }) => code)).toEqual(['JP_HANDLER_NOT_A_METHOD']);
  expect(problems[0]!.message).toBe(`@Subscribe decorates BadgePlugin.award, ${form}, whose body would never run`);
  expect(problems[0]).toMatchObject({ plugin: 'badge', line: lineOf(source, '// HERE') });
});

test('a member whose name is a symbol is refused', () => {
  const source = pluginSource(
    'BadgePlugin',
    `  @(Subscribe as any)(VideoWatchStarted)\n  [Symbol.for('x')](_: any) {}`,
  );
  expect(problemsOf(source)).toMatchObject([{ code: 'JP_HANDLER_NOT_A_METHOD' }]);
});

test('a generator that overrides a parent’s handler is refused', () => {
  const source = pluginSource('BadgePlugin', `  override *award(_: any) { yield 1; }`).replace(
    'class BadgePlugin',
    'class BadgePlugin extends Base',
  );
  const base = `class Base { @Subscribe(VideoWatchStarted) award(_: any): any {} }\n`;
  expect(problemsOf(source.replace('@Plugin()', `${base}@Plugin()`))).toMatchObject([
    { code: 'JP_HANDLER_NOT_A_METHOD' },
  ]);
});

test('the error for a plugin compiled with standard decorators names that cause', () => {
  const source = `const { Plugin, Subscribe } = require('jetplug/sdk');
class BadgePlugin { award() {} }
Subscribe('video.x')(BadgePlugin.prototype.award, { kind: 'method', name: 'award' });
exports.BadgePlugin = BadgePlugin;`;
  expect(() => load(source)).toThrow(
    expect.objectContaining({
      code: 'JP_HANDLER_NOT_A_METHOD',
      message: '@Subscribe was compiled as a standard decorator',
    }),
  );
});

test('options with getters that throw are a problem of the plugin', () => {
  const throws = `{ get() { throw new Proxy({}, { get() { throw 1; } }); } }`;
  const source = pluginSource('BadgePlugin', `  @Subscribe(VideoWatchStarted) award(_: any) {}`, {
    options: `Object.defineProperty({}, 'name', ${throws}) as any`,
  });
  expect(problemsOf(source)).toMatchObject([{ code: 'JP_PLUGIN_LOAD_FAILED' }]);
});

test.each([
  ['a constructor that hides the method', `constructor() { (this as any).award = 'text'; }`],
  ['a constructor that returns something else', `constructor() { return {} as any; }`],
])('%s is refused before an event comes', async (_, constructor) => {
  const plugin = load(
    pluginSource('BadgePlugin', `  ${constructor}\n  @Subscribe(VideoWatchStarted) award(_: any) {}`),
  );
  await expect(instantiate(plugin, {} as PluginServices, undefined)).rejects.toMatchObject({
    code: 'JP_HANDLER_NOT_A_METHOD',
    plugin: 'badge',
  });
});

test('ordinary methods are handlers, whatever their modifiers', () => {
  const source = pluginSource(
    'BadgePlugin',
    `  @Subscribe(VideoWatchStarted) plain(_: any) {}\n  @Subscribe(VideoPublished) async later(_: any) {}\n  ${SUBSCRIBE}protected overridden(_: any) {}`,
  );
  expect(load(source).handlers.map(({ method }) => method)).toEqual(['plain', 'later', 'overridden']);
});
