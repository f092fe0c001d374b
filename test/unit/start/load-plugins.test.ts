import type { LoadedConfig } from '../../../host/config/config';
import type { Discovery } from '../../../host/load/discover';
import type { HostLog } from '../../../host/log/log';
import type { Plugins } from '../../../host/plugin/plugins';
import { loadPlugins, logUnusedSections } from '../../../host/start/load-plugins';
import { configOf } from '../../../host/testing/options';
import { RecordingLog } from '../../../host/testing/recording-log';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function bench() {
  const log = new RecordingLog();
  const loaded: string[] = [];
  const plugins = {
    load: async (file: { file: string }) => void loaded.push(file.file),
    entries: [{ name: 'badge' }],
  } as unknown as Plugins;
  return { log, hostLog: log as unknown as HostLog, loaded, plugins };
}
const discovery = (names: readonly string[], skipped: object[] = []): Discovery =>
  ({ found: names.map((file) => ({ file })), skipped }) as unknown as Discovery;

test('plugins are loaded in groups, each when its files are compiled', async () => {
  const { hostLog, loaded, plugins } = bench();
  const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
  let compileLast = (): void => undefined;
  const compiled = names.map((name) =>
    name === 'p11' ? new Promise<void>((resolve) => (compileLast = resolve)) : Promise.resolve(),
  );
  const loading = loadPlugins(plugins, discovery(names), compiled, hostLog);
  await turn();
  await turn();
  expect(loaded).toEqual(names.slice(0, 10));
  compileLast();
  await loading;
  expect(loaded).toEqual(names);
});

test('a skipped file is logged with its reason, louder where it looks like a plugin', async () => {
  const { hostLog, log, plugins } = bench();
  const skipped = [
    { file: 'a.plugin.txt', why: 'no TypeScript', looksMeant: true, isStray: false },
    { file: 'loop', why: 'a link that loops', looksMeant: false, isStray: true },
    { file: 'README.md', why: 'no plugin', looksMeant: false, isStray: false },
  ];
  await loadPlugins(plugins, discovery([], skipped), [], hostLog);
  expect(log.lines.map(({ level, message, fields }) => [level, message, fields['file']])).toEqual([
    ['info', 'skipped a file in the plugins folder', 'a.plugin.txt'],
    ['info', 'skipped a file in the plugins folder', 'loop'],
    ['debug', 'skipped a file in the plugins folder', 'README.md'],
  ]);
});

test('an unused section is a warning where its name is nearly that of a plugin, and else information', () => {
  const { hostLog, log, plugins } = bench();
  const config = configOf({ config: { plugins: { bagde: { enabled: true }, payments: { enabled: true } } } });
  const loaded = { config, sourceOf: () => ({ kind: 'default' }) } as unknown as LoadedConfig;
  logUnusedSections(plugins, loaded, hostLog);
  expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
    ['warn', 'config section for a plugin that is not loaded'],
    ['info', 'config section for a plugin that is not loaded'],
  ]);
});
