import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { NatsConnection } from 'nats';
import type { ExplainedPlugin } from '../../host/ops/explain';
import type { PluginStatus } from '../../host/ops/status';
import { eventually } from '../support/eventually';
import type { LogLine, TestHost } from '../support/host';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { ask } from '../support/story';

const scene = new Scene();
let host: TestHost;
let nats: NatsConnection;
let written: { plugins: Record<string, object>; [section: string]: object };

beforeAll(async () => {
  const server = await scene.server();
  nats = await scene.client(server.url);
  const folder = scene.folder({ 'greeter.plugin.ts': source('Greeter'), 'other.plugin.ts': source('Other') });
  const config = { plugins: { greeter: { settings: { word: 'hello' } }, other: { settings: { word: 'other' } } } };
  host = await scene.host({ server, plugins: [folder], config });
  written = JSON.parse(readFileSync(host.configFile, 'utf8')) as typeof written;
});
afterAll(() => scene.end());

function source(className: string): string {
  return pluginSource(
    className,
    `  constructor(private readonly settings: Settings<{ word: string }>, private readonly log: Logger) {}
  @Subscribe('video.${className.toLowerCase()}', { from: 'beginning' })
  handle(event: any) { this.log.info('says', { word: this.settings.value.word }); }`,
    { options: '{ settings: z.object({ word: z.string() }) }' },
  );
}

/** Writes another file and renames it, as editors do. */
function save(text: string): void {
  writeFileSync(`${host.configFile}.tmp`, text);
  renameSync(`${host.configFile}.tmp`, host.configFile);
}
const saveConfig = (change: object): void => save(JSON.stringify({ ...written, ...change }));
const words = (): unknown[] => host.logged('says').map(({ word }) => word);
const publish = (): void => nats.publish('video.greeter', '{}');
const status = async (plugin: string): Promise<PluginStatus> =>
  eventually(async () => (await ask(nats)).find((one) => one.plugin === plugin));
const swaps = (): unknown[] => host.logged('a plugin has a new version').map(({ plugin }) => plugin);
const line = (msg: string): Promise<LogLine> => eventually(() => host.logged(msg).at(-1));

test('a changed section of the config affects its plugin, and no other', async () => {
  publish();
  await eventually(() => words().length === 1);
  saveConfig({ plugins: { ...written.plugins, greeter: { settings: { word: 'welcome' }, concurrency: 3 } } });
  await eventually(() => swaps().length === 1);
  publish();
  await eventually(() => words().length === 2);
  expect(words()).toEqual(['hello', 'welcome']);
  expect(swaps()).toEqual(['greeter']);
});

test('the place of an option is up to date, even if nothing else has changed', async () => {
  const concurrency = async (): Promise<object> => {
    const plugins: ExplainedPlugin[] = (await nats.request('jetplug.explain', 'greeter', { timeout: 5_000 })).json();
    return plugins[0]!.handlers[0]!.options.concurrency;
  };
  const said = { value: 3, from: 'config', key: 'plugins.greeter.concurrency', file: host.configFile };
  expect(await concurrency()).toEqual({ ...said, line: 1 });
  const greeter = { settings: { word: 'welcome' }, concurrency: 3 };
  save(`\n\n${JSON.stringify({ ...written, plugins: { ...written.plugins, greeter } })}`);
  await eventually(async () => isDeepStrictEqual(await concurrency(), { ...said, line: 3 }));
  expect(swaps()).toEqual(['greeter']);
});

test('an invalid config changes nothing, and the error has file and line', async () => {
  save('plugins:\n  greeter:\n    settings: { word: nothing }\n    concurency: 5\n');
  expect(await line('the config is invalid; nothing changes')).toMatchObject({
    level: 'error',
    code: 'JP_CONFIG_UNKNOWN_KEY',
    file: host.configFile,
    line: 4,
  });
  publish();
  await eventually(() => words().length === 3);
  expect(words().at(-1)).toBe('welcome');
});

test('settings that the plugin’s schema refuses do not change the plugin', async () => {
  saveConfig({ plugins: { ...written.plugins, greeter: { settings: { word: 5 } } } });
  expect(await line('a plugin’s new version fails; the old one runs on')).toMatchObject({
    plugin: 'greeter',
    code: 'JP_PLUGIN_SETTINGS_INVALID',
  });
  publish();
  await eventually(() => words().length === 4);
  expect(words().at(-1)).toBe('welcome');
});

test('a plugin is stopped and started by its section', async () => {
  saveConfig({ plugins: { ...written.plugins, greeter: { enabled: false } } });
  await eventually(async () => (await status('greeter')).state === 'stopped');
  publish();
  saveConfig({});
  await eventually(() => words().length === 5);
  expect(words().at(-1)).toBe('hello');
  expect((await status('other')).reloads.map(({ outcome }) => outcome)).toEqual(['loaded']);
});

test('a change that takes effect only at the next start is reported', async () => {
  saveConfig({ shutdown: { grace: '3s' } });
  expect(await line('the config has changed where it takes effect at the next start')).toMatchObject({
    sections: ['shutdown'],
  });
  expect(host.noise).toEqual([]);
});
