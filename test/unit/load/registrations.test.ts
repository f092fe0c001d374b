import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadPlugins, type LoadedPlugin } from '../../support/loaded-plugins';

/** A plugin whose handler returns what the expression says. */
function plugin(name: string, returns: string, before = '', constructor = ''): string {
  return `import { Clock, EventBus, Logger, Plugin, Settings, Store, Subscribe } from 'jetplug/sdk';
import { autoInjectable, container, inject, injectable, injectAll, Lifecycle, registry, scoped, singleton } from 'tsyringe';
${before}
@Plugin()
export class ${name}Plugin {
  ${constructor}
  @Subscribe('a') handle() { return ${returns}; }
}
`;
}

const words = `constructor(@injectAll('Word') private readonly words: string[]) {}`;
const reading = (expression: string): string =>
  `(() => { try { return String(${expression}); } catch (error) { return (error as any).code ?? (error as Error).message; } })()`;
const FILES = {
  'one.plugin.ts': plugin('One', 'this.words', `container.register('Word', { useValue: 'one' });`, words),
  'two.plugin.ts': plugin('Two', 'this.words', `container.register('Word', { useValue: 'two' });`, words),
  'with-registry.plugin.ts': plugin(
    'WithRegistry',
    'this.words',
    `@registry([{ token: 'Word', useFactory: () => 'decorated' }]) class Any {}`,
    words,
  ),
  'with-token.plugin.ts': plugin(
    'WithToken',
    'this.words.map((one: any) => one.constructor.name)',
    `@injectable({ token: 'Word' }) class Tokened {}`,
    words,
  ),
  'scoped-token.plugin.ts': plugin(
    'ScopedToken',
    'this.words.map((one: any) => one === container.resolve("Word"))',
    `@scoped(Lifecycle.ContainerScoped, 'Word') class Scoped {}`,
    words,
  ),
  'nothing.plugin.ts': plugin('Nothing', reading(`container.resolve('Word')`)),
  'abstract-transient.plugin.ts': plugin(
    'AbstractTransient',
    'this.repo.constructor.name',
    `abstract class Repo { constructor(readonly n: number) {} }
class MemoryRepo extends Repo { constructor() { super(1); } }
container.register(Repo as never, { useClass: MemoryRepo } as never);`,
    'constructor(private readonly repo: Repo) {}',
  ),
  'abstract-singleton.plugin.ts': plugin(
    'AbstractSingleton',
    'this.repo === container.resolve(Repo as never)',
    `abstract class Repo {}
class MemoryRepo extends Repo {}
container.registerSingleton(Repo as never, MemoryRepo as never);`,
    'constructor(private readonly repo: Repo) {}',
  ),
  'decorated-singleton.plugin.ts': plugin(
    'DecoratedSingleton',
    '0',
    '@singleton() class Shared {}',
    'constructor(private readonly shared: Shared) {}',
  ),
  'own-clock.plugin.ts': plugin(
    'OwnClock',
    'this.clock.now().getTime()',
    `class FixedClock extends Clock { now() { return new Date(7); } }`,
    'constructor(private readonly clock: FixedClock) {}',
  ),
  'registered-clock.plugin.ts': plugin(
    'RegisteredClock',
    'this.clock.now().getTime()',
    `container.register(Clock as never, { useValue: { now: () => new Date(8) } as never });`,
    'constructor(private readonly clock: Clock) {}',
  ),
  'alias.plugin.ts': plugin(
    'Alias',
    '[this.store.constructor.name, this.settings instanceof OwnSettings, typeof this.settings.value]',
    `abstract class Counts extends Store<number> {}
class OwnSettings extends Settings<object> {}`,
    'constructor(private readonly store: Counts, private readonly settings: OwnSettings) {}',
  ),
  'auto.plugin.ts': plugin(
    'Auto',
    '[new Auto(5).what(), new (Auto as any)(6, undefined).what()]',
    `@autoInjectable() class Auto { constructor(private readonly n: number, private readonly store?: Store, @inject('Word') private readonly word?: string) {}
  what() { return [this.n, this.store?.constructor.name, this.word].join(' '); } }
container.register('Word', { useValue: 'auto' });`,
  ),
  'new-store.plugin.ts': plugin('NewStore', reading('new (Store as any)()')),
  'at-load.plugin.ts': plugin('AtLoad', '0', 'container.resolve(EventBus as never);'),
  'delay-throws.plugin.ts': plugin(
    'DelayThrows',
    '0',
    `import { delay } from 'tsyringe';`,
    `constructor(@inject(delay(() => { throw new Error('no class'); })) private readonly late: any) { this.late.x; }`,
  ),
} as const;

let folder: string;
let reports: Record<string, LoadedPlugin>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-registrations-'));
  for (const [name, text] of Object.entries(FILES)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  reports = await loadPlugins(Object.keys(FILES).map((name) => join(folder, name)));
});
afterAll(() => rmSync(folder, { recursive: true }));

const report = (name: keyof typeof FILES): LoadedPlugin => reports[join(folder, name)]!;
const result = (name: keyof typeof FILES): unknown => {
  const { results, errors, faults } = report(name);
  expect({ errors, faults }).toEqual({ errors: [], faults: undefined });
  return results[0];
};

test('two plugins that register the same token each get their own registration once, also when loaded again', () => {
  expect(result('one.plugin.ts')).toEqual(['one']);
  expect(result('two.plugin.ts')).toEqual(['two']);
});

test('registrations by decorators stay within the plugin', () => {
  expect(result('with-registry.plugin.ts')).toEqual(['decorated']);
  expect(result('with-token.plugin.ts')).toEqual(['Tokened']);
  expect(result('scoped-token.plugin.ts')).toEqual([true]);
});

test('a plugin that registered nothing sees nothing of other plugins', () => {
  expect(result('nothing.plugin.ts')).toBe('Attempted to resolve unregistered dependency token: "Word"');
});

test('a class that is registered for an abstract one is built in its place, and is not shared between plugins', () => {
  expect(result('abstract-transient.plugin.ts')).toBe('MemoryRepo');
  expect(result('abstract-singleton.plugin.ts')).toBe(true);
});

test('a class decorated with @singleton() is refused', () => {
  expect(report('decorated-singleton.plugin.ts').faults).toEqual([
    expect.objectContaining({ code: 'JP_INJECT_SINGLETON' }),
  ]);
});

test('an author’s own class that is registered for a service is used', () => {
  expect(result('own-clock.plugin.ts')).toBe(7);
  expect(result('registered-clock.plugin.ts')).toBe(8);
});

test('a class that extends a service without its methods stands for the service', () => {
  expect(result('alias.plugin.ts')).toEqual(['TextStore', true, 'object']);
});

test('an @autoInjectable() class gets its missing arguments from the plugin’s container', () => {
  expect(result('auto.plugin.ts')).toEqual(['5 TextStore auto', '6  auto']);
});

test('a service that a plugin builds itself, or asks for while its modules are loaded, is refused with a code', () => {
  expect(result('new-store.plugin.ts')).toBe('JP_INJECT_OUTSIDE_PLUGIN');
  expect(report('at-load.plugin.ts').faults).toEqual([
    expect.objectContaining({ code: 'JP_INJECT_OUTSIDE_PLUGIN', message: 'EventBus cannot be built outside a plugin' }),
  ]);
});

test('a `delay` whose function throws is the fault of the plugin’s constructor, with its message', () => {
  expect(report('delay-throws.plugin.ts').faults).toEqual([
    expect.objectContaining({ code: 'JP_PLUGIN_CONSTRUCTOR_FAILED', message: 'DelayThrowsPlugin: no class' }),
  ]);
});
