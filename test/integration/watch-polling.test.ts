/** Plugins folders on a file system that reports no changes to a watcher. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import type { TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const SILENT = `--require ${join(__dirname, '../support/silent-watch.cjs')}`;
const scene = new Scene();
let folder: string;
let polls: TestHost;
let watches: TestHost;

beforeAll(async () => {
  const server = await scene.server();
  folder = scene.folder({ 'first.plugin.ts': source('First') });
  const host = (poll: string): Promise<TestHost> =>
    scene.host({ server, plugins: [folder], config: { plugins: { poll } }, env: { NODE_OPTIONS: SILENT } });
  [polls, watches] = await Promise.all([host('250ms'), host('auto')]);
});
afterAll(() => scene.end());

function source(className: string): string {
  return pluginSource(className, `  @Subscribe('video.polled') handle(_event: any) {}`);
}

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const changes = (host: TestHost): string[] =>
  host.lines.filter(({ msg }) => /^a plugin (is|has) /.test(msg)).map(({ msg, plugin }) => `${msg}: ${String(plugin)}`);

test('with plugins.poll the host finds new, changed and removed files that no watcher reports', async () => {
  expect(polls.logged('a plugins folder is polled')).toMatchObject([{ level: 'info', dir: folder, everyMs: 250 }]);

  write('dropped.plugin.ts', source('Dropped'));
  mkdirSync(join(folder, 'nested'));
  write('nested/index.plugin.ts', source('Nested'));
  await eventually(() => changes(polls).length === 2);
  write('dropped.plugin.ts', `// edited\n${source('Dropped')}`);
  await eventually(() => changes(polls).length === 3);
  rmSync(join(folder, 'nested'), { recursive: true });
  await eventually(() => changes(polls).length === 4);

  expect(changes(polls).slice(0, 2).sort()).toEqual(['a plugin is loaded: dropped', 'a plugin is loaded: nested']);
  expect(changes(polls).slice(2)).toEqual(['a plugin has a new version: dropped', 'a plugin is removed: nested']);
  // The host that watches has noticed nothing, so polling found the changes.
  expect(changes(watches)).toEqual([]);
});
