import { NameRegistry } from '../../../host/plugin/name-registry';
import type { PluginDefinition } from '../../../host/load/describe';

function definition(name: string, file: string, durables: string[] = []): PluginDefinition {
  const handlers = durables.map((durable, i) => ({ durable, name: durable, where: { file, line: 10 + i } }));
  return { name, file, where: { file, line: 3 }, handlers } as unknown as PluginDefinition;
}

test('plugins with names and durables of their own stand side by side', () => {
  const claims = new NameRegistry();
  claims.take(definition('a', '/a.ts', ['a-x', 'a-y']));
  claims.take(definition('b', '/b.ts', ['b-x']));
});

test('a name that another file has is refused, and both files are named', () => {
  const claims = new NameRegistry();
  claims.take(definition('a', '/a.ts'));
  expect(() => claims.take(definition('a', '/b.ts'))).toThrow(
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
  const claims = new NameRegistry();
  claims.take(definition('a', '/a.ts', ['a-x', 'shared']));
  expect(() => claims.take(definition('b', '/b.ts', ['b-x', 'shared']))).toThrow(
    expect.objectContaining({
      code: 'JP_PLUGIN_DUPLICATE_DURABLE',
      plugin: 'b',
      file: '/b.ts',
      line: 11,
      message: 'duplicate durable shared: it is also that of a.shared in /a.ts',
    }),
  );
});

test('what is refused takes nothing', () => {
  const claims = new NameRegistry();
  claims.take(definition('a', '/a.ts', ['shared']));
  expect(() => claims.take(definition('b', '/b.ts', ['shared', 'b-x']))).toThrow();
  claims.take(definition('b', '/c.ts', ['b-x']));
});

test('a file’s new version replaces what its old one had', () => {
  const claims = new NameRegistry();
  claims.take(definition('a', '/a.ts', ['a-x']));
  claims.take(definition('renamed', '/a.ts', ['a-x', 'a-y']));
  claims.take(definition('a', '/b.ts', ['other']));
});

test('what is released can be taken by others; what an earlier version keeps cannot', () => {
  const claims = new NameRegistry();
  const old = definition('a', '/a.ts', ['a-x']);
  claims.take(old);
  claims.take(definition('new', '/a.ts', ['new-x']));
  claims.release('/a.ts', old);
  expect(() => claims.take(definition('a', '/b.ts'))).toThrow(
    expect.objectContaining({ code: 'JP_PLUGIN_DUPLICATE_NAME' }),
  );
  claims.take(definition('new', '/b.ts', ['new-x']));
  claims.release('/a.ts');
  claims.take(definition('a', '/c.ts', ['a-x']));
});

test('what two hold, since one was left with an earlier version, stays taken until both have given it back', () => {
  const claims = new NameRegistry();
  const earlier = definition('a', '/a.ts', ['shared']);
  claims.take(earlier);
  claims.take(definition('a', '/a.ts', ['a-x']));
  claims.take(definition('b', '/b.ts', ['shared']));
  claims.release('/a.ts', earlier);
  claims.release('/a.ts');
  expect(() => claims.take(definition('c', '/c.ts', ['shared']))).toThrow('in /b.ts');
  claims.release('/b.ts');
  claims.take(definition('c', '/c.ts', ['shared']));
});
