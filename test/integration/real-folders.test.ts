import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

/** A plugin whose handler logs a word, and the word of its helper. */
function source(name: string, word: string, helper?: string): string {
  return pluginSource(
    name,
    `  @Subscribe('video.${name.toLowerCase()}', { from: 'beginning' })
  handle(_: any, context: EventContext) { context.log.info('ran', { word: '${word}'${helper ? ', helper' : ''} }); }`,
    helper ? { before: `import { helper } from '${helper}';` } : {},
  );
}
const helper = (word: string): string => `export const helper = '${word}';\n`;

const scene = new Scene();
let folder: string;
let host: TestHost;
let nats: NatsConnection;
beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder({
    // Stray entries, as found in mounted folders.
    'stray/good.plugin.ts': source('Good', 'v1'),
    'stray/nested/index.plugin.ts': source('Nested', 'v1'),
    'stray/a.plugin.ts/notes.txt': 'a folder that is named like a plugin',
    // Releases, with a link to one of them.
    'releases/1/released.plugin.ts': source('Released', 'v1'),
    'releases/1/dropped.plugin.ts': source('Dropped', 'v1'),
    'releases/2/released.plugin.ts': source('Released', 'v2'),
    'releases/2/added.plugin.ts': source('Added', 'v2'),
    // A ConfigMap, as Kubernetes mounts it, and a linked plugin with its helper beside the real file.
    'map/..1/mapped.plugin.ts': source('Mapped', 'v1', './helper'),
    'map/..1/helper.ts': helper('v1'),
    'map/..2/mapped.plugin.ts': source('Mapped', 'v1', './helper'),
    'map/..2/helper.ts': helper('v2'),
    'package/src/linked.plugin.ts': source('Linked', 'v1', './helper'),
    'package/src/helper.ts': helper('v1'),
  });
  link('loop', 'stray/loop');
  link('good.plugin.ts/index.js', 'stray/stale');
  // The watcher of this folder never reports that it is ready.
  link('../good.plugin.ts/x', 'stray/nested/stale');
  link('.', 'stray/self');
  link('releases/1', 'current');
  link('..1', 'map/..data');
  for (const name of ['mapped.plugin.ts', 'helper.ts']) link(`..data/${name}`, `map/${name}`);
  link('../package/src/linked.plugin.ts', 'map/linked.plugin.ts');
  const plugins = ['stray', 'current', 'map'].map((name) => join(folder, name));
  host = await scene.host({ server, plugins });
}, 60_000);
afterAll(() => scene.end());

function link(target: string, path: string): void {
  symlinkSync(target, join(folder, path));
}

/** Replaces the link atomically, as `ln -sfn` and Kubernetes do. */
function relink(target: string, path: string): void {
  link(target, `${path}.new`);
  renameSync(join(folder, `${path}.new`), join(folder, path));
}

/** Publishes to a plugin until its newest log line has these words. */
async function says(plugin: string, expected: object): Promise<void> {
  await eventually(() => {
    nats.publish(`video.${plugin}`, '{}');
    const lines = host.logged('ran').filter((line) => line['plugin'] === plugin);
    expect(lines.at(-1)).toMatchObject(expected);
    return true;
  });
}

const swaps = (plugin: string): number =>
  host.logged('a plugin has a new version').filter((line) => line['plugin'] === plugin).length;

test('a host starts with stray entries in its plugins folder, and logs for each why it is skipped', () => {
  expect(host.ready.plugins.map(({ plugin, state }) => [plugin, state])).toEqual(
    ['dropped', 'good', 'linked', 'mapped', 'nested', 'released'].map((name) => [name, 'running']),
  );
  const skipped = host.logged('skipped a file in the plugins folder').map(({ file, why }) => [file, why]);
  expect(skipped).toEqual(
    [
      ['a.plugin.ts', 'a folder; the plugin in a folder is named index.plugin.ts or index.plugin.js'],
      ['loop', 'a link that leads to itself'],
      ['self', 'a link to a folder that it lies in'],
      ['stale', 'a stale link'],
    ].map(([name, why]) => [join(folder, 'stray', name!), why]),
  );
});

test('a folder that cannot be watched is polled: a new file, an edit and a removal are noticed', async () => {
  expect(host.logged('a plugins folder cannot be watched; it is polled')).toMatchObject([
    { level: 'warn', dir: join(folder, 'stray') },
  ]);
  writeFileSync(join(folder, 'stray/new.plugin.ts'), source('New', 'v1'));
  await says('new', { word: 'v1' });
  writeFileSync(join(folder, 'stray/nested/index.plugin.ts'), source('Nested', 'v2'));
  await says('nested', { word: 'v2' });
  rmSync(join(folder, 'stray/new.plugin.ts'));
  await eventually(() => host.logged('a plugin is removed').some((line) => line['plugin'] === 'new'));
});

test('a plugins folder that is a link is swapped with its release, and edits there are noticed', async () => {
  await says('released', { word: 'v1' });
  relink('releases/2', 'current');
  await says('released', { word: 'v2' });
  await says('added', { word: 'v2' });
  await eventually(() => host.logged('a plugin is removed').some((line) => line['plugin'] === 'dropped'));
  expect(swaps('released')).toBe(1);
  writeFileSync(join(folder, 'current/released.plugin.ts'), source('Released', 'v3'));
  await says('released', { word: 'v3' });
  // The next release is a new folder, and then the first one again.
  mkdirSync(join(folder, 'releases/3'));
  writeFileSync(join(folder, 'releases/3/released.plugin.ts'), source('Released', 'v4'));
  relink('releases/3', 'current');
  await says('released', { word: 'v4' });
  relink('releases/1', 'current');
  await says('dropped', { word: 'v1' });
  await says('released', { word: 'v1' });
});

test('a ConfigMap that Kubernetes updates is reloaded once', async () => {
  await says('mapped', { word: 'v1', helper: 'v1' });
  relink('..2', 'map/..data');
  await says('mapped', { word: 'v1', helper: 'v2' });
  rmSync(join(folder, 'map/..1'), { recursive: true });
  writeFileSync(join(folder, 'map/..2/helper.ts'), helper('v3'));
  await says('mapped', { word: 'v1', helper: 'v3' });
  expect(swaps('mapped')).toBe(2);
});

test('an edit of a linked plugin, or of its helper beside the real file, is noticed', async () => {
  await says('linked', { word: 'v1', helper: 'v1' });
  writeFileSync(join(folder, 'package/src/helper.ts'), helper('v2'));
  await says('linked', { word: 'v1', helper: 'v2' });
  writeFileSync(join(folder, 'package/src/linked.plugin.ts'), source('Linked', 'v2', './helper'));
  await says('linked', { word: 'v2', helper: 'v2' });
});

test('a plugin that fails because of a class in its helper is loaded again when the helper is edited', async () => {
  const repo = (decorator: string): string =>
    `import { injectable } from 'tsyringe';\nimport { Store } from 'jetplug/sdk';\n${decorator} export class Repo { constructor(readonly store: Store) {} }\n`;
  const plugin = pluginSource(
    'Helped',
    `  constructor(readonly repo: Repo) {}
  @Subscribe('video.helped') handle(_: any, context: EventContext) { context.log.info('ran', { word: typeof this.repo.store.get }); }`,
    { before: `import { Repo } from './repo';` },
  );
  const failures = (): unknown =>
    host
      .logged('a plugin fails')
      .filter((line) => line['plugin'] === 'helped')
      .map((line) => line['code']);
  writeFileSync(join(folder, 'current/repo.ts'), repo(''));
  writeFileSync(join(folder, 'current/helped.plugin.ts'), plugin);
  await eventually(() => {
    expect(failures()).toEqual(['JP_INJECT_UNDECORATED']);
    return true;
  });
  writeFileSync(join(folder, 'current/repo.ts'), repo('@injectable()'));
  await says('helped', { word: 'function' });
});
