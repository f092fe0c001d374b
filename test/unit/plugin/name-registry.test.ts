import { NameRegistry } from '../../../host/plugin/name-registry';
import type { PluginDefinition } from '../../../host/load/describe';

function definition(name: string, file: string, durables: string[] = []): PluginDefinition {
  const handlers = durables.map((durable, i) => ({ durable, name: durable, where: { file, line: 10 + i } }));
  return { name, file, where: { file, line: 3 }, handlers } as unknown as PluginDefinition;
}

test('plugins with different names and durables are accepted', () => {
  const names = new NameRegistry();
  names.take(definition('a', '/a.ts', ['a-x', 'a-y']));
  names.take(definition('b', '/b.ts', ['b-x']));
});

test('a name that another file has is refused, and both files are named', () => {
  const names = new NameRegistry();
  names.take(definition('a', '/a.ts'));
  expect(() => names.take(definition('a', '/b.ts'))).toThrow(
    expect.objectContaining({
      code: 'JP_PLUGIN_DUPLICATE_NAME',
      plugin: 'a',
      file: '/b.ts',
      line: 3,
      message: 'duplicate plugin name a: it is that of /a.ts and of /b.ts',
    }),
  );
});

test('a durable that another plugin has is refused at its handler’s line, and both handlers are named', () => {
  const names = new NameRegistry();
  names.take(definition('a', '/a.ts', ['a-x', 'shared']));
  expect(() => names.take(definition('b', '/b.ts', ['b-x', 'shared']))).toThrow(
    expect.objectContaining({
      code: 'JP_PLUGIN_DUPLICATE_DURABLE',
      plugin: 'b',
      file: '/b.ts',
      line: 11,
      message: 'duplicate durable shared: it is also that of a.shared in /a.ts',
    }),
  );
});

test('a refused plugin claims no name', () => {
  const names = new NameRegistry();
  names.take(definition('a', '/a.ts', ['shared']));
  expect(() => names.take(definition('b', '/b.ts', ['shared', 'b-x']))).toThrow();
  names.take(definition('b', '/c.ts', ['b-x']));
});

test('a file’s new version replaces the names of its old version', () => {
  const names = new NameRegistry();
  names.take(definition('a', '/a.ts', ['a-x']));
  names.take(definition('renamed', '/a.ts', ['a-x', 'a-y']));
  names.take(definition('a', '/b.ts', ['other']));
});

test('other plugins can claim released names, but not those of an earlier version that still runs', () => {
  const names = new NameRegistry();
  const old = definition('a', '/a.ts', ['a-x']);
  names.take(old);
  names.take(definition('new', '/a.ts', ['new-x']));
  names.release('/a.ts', old);
  expect(() => names.take(definition('a', '/b.ts'))).toThrow(
    expect.objectContaining({ code: 'JP_PLUGIN_DUPLICATE_NAME' }),
  );
  names.take(definition('new', '/b.ts', ['new-x']));
  names.release('/a.ts');
  names.take(definition('a', '/c.ts', ['a-x']));
});

test('a name of two files, one of which is back at an earlier version, stays taken until both have released it', () => {
  const names = new NameRegistry();
  const earlier = definition('a', '/a.ts', ['shared']);
  names.take(earlier);
  names.take(definition('a', '/a.ts', ['a-x']));
  names.take(definition('b', '/b.ts', ['shared']));
  names.release('/a.ts', earlier);
  names.release('/a.ts');
  expect(() => names.take(definition('c', '/c.ts', ['shared']))).toThrow('in /b.ts');
  names.release('/b.ts');
  names.take(definition('c', '/c.ts', ['shared']));
});
