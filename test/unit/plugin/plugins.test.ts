/** The list of plugins and the plugin of one file. The test replaces only the compiler. */
import { Plugin, Subscribe } from 'jetplug/sdk';
import { JetplugError } from '../../../sdk/internal';
import type { CompiledPlugin } from '../../../host/load/compile';
import type { PluginFile } from '../../../host/load/discover';
import { Faults } from '../../../host/plugin/faults';
import type { PluginHost } from '../../../host/plugin/plugin-host';
import { Plugins } from '../../../host/plugin/plugins';
import type * as life from '../../../host/plugin/run-plugin';
import type { AnyPluginClass } from '../../../host/testing/options';
import { memoryHost, settle, versionOf } from '../../support/memory-host';

/** The result of compiling each file: a plugin's class, or an error. */
let files: Map<string, CompiledPlugin | Error>;
let journal: string[];
let plugins: Plugins;

jest.mock('../../../host/plugin/run-plugin', () => {
  const { runPlugin } = jest.requireActual<typeof life>('../../../host/plugin/run-plugin');
  return {
    runPlugin: async ({ file }: PluginFile, host: PluginHost, upgrade?: life.Upgrade) => {
      const source = files.get(file)!;
      if (source instanceof Error) throw source;
      return runPlugin(source, host, upgrade);
    },
  };
});

const BADGE: PluginFile = { file: '/plugins/badge.plugin.ts', root: '/plugins' };
const RANKING: PluginFile = { file: '/plugins/ranking.plugin.ts', root: '/plugins' };
const OTHER: PluginFile = { file: '/elsewhere/other.plugin.ts', root: '/elsewhere' };

@Plugin({ name: 'badge' })
class Badge {
  @Subscribe('video.watched', { retry: { attempts: 3, backoff: ['1s'] } })
  award({ n }: { n: number }): void {
    journal.push(`badge ${n}`);
  }
  onStop(): void {
    journal.push('badge stopped');
  }
}

@Plugin({ name: 'badge' })
class BadgeBroken {
  @Subscribe('video.watched', { retry: { attempts: 3, backoff: ['1s'] } })
  award(): void {
    throw new Error('a mistake');
  }
}

@Plugin({ name: 'ranking' })
class Ranking {
  @Subscribe('video.watched')
  rank(): void {}
}

@Plugin({ name: 'badge' })
class Elsewhere {
  @Subscribe('other.watched')
  award(): void {}
}

beforeEach(() => {
  journal = [];
  files = new Map();
});
afterEach(() => plugins.stop());

/** Plugins whose files have these classes. */
function managing(sources: readonly (readonly [PluginFile, AnyPluginClass | Error])[]) {
  const base = memoryHost();
  plugins = new Plugins(base.host, new Faults(base.log, () => []));
  const write = ({ file }: PluginFile, cls: unknown, version = 'v1'): void => {
    files.set(file, cls instanceof Error ? cls : versionOf(cls as never, version, file));
  };
  for (const [file, cls] of sources) write(file, cls);
  const states = (): string[] => plugins.entries.map(({ name, state }) => `${name} ${state}`);
  const outcomes = (name: string): string[] => plugins.reloads.of(name).map(({ outcome }) => outcome);
  return { ...base, write, states, outcomes };
}

test('plugins are listed by name, with their definitions and files', async () => {
  const { states } = managing([
    [RANKING, Ranking],
    [BADGE, Badge],
  ]);
  const loading = Promise.all([RANKING, BADGE].map((file) => plugins.load(file)));
  expect(states()).toEqual(['badge loading', 'ranking loading']);
  await loading;
  expect(states()).toEqual(['badge running', 'ranking running']);
  expect(plugins.definitions.map(({ name }) => name).sort()).toEqual(['badge', 'badge', 'ranking', 'ranking']);
  expect(plugins.filesIn('/plugins')).toEqual([RANKING.file, BADGE.file]);
  expect(plugins.filesIn('/elsewhere')).toEqual([]);
});

test('an edit replaces the version; each load is logged except those of the start', async () => {
  const { write, messages, outcomes } = managing([[BADGE, Badge]]);
  await plugins.load(BADGE);
  expect(messages('info')).toEqual([]);
  write(BADGE, Badge, 'v2');
  await expect(plugins.load(BADGE, 'sources')).resolves.toMatchObject({ name: 'badge', version: 'v2', errors: [] });
  expect(messages('info')).toEqual(['a plugin has a new version']);
  expect(outcomes('badge')).toEqual(['loaded', 'swapped']);
});

test('a plugin that fails is listed by its file, and is loaded when its file is mended', async () => {
  const mistake = new JetplugError('JP_PLUGIN_SYNTAX', 'a brace is missing', { line: 3 });
  const { write, states, log } = managing([[BADGE, mistake]]);
  await expect(plugins.load(BADGE)).resolves.toMatchObject({ state: 'failed', errors: [{ code: 'JP_PLUGIN_SYNTAX' }] });
  expect(states()).toEqual(['badge failed']);
  expect(log.lines).toMatchObject([
    { level: 'error', message: 'a plugin fails', fields: { plugin: 'badge', file: BADGE.file, line: 3 } },
  ]);
  write(BADGE, Badge);
  await plugins.load(BADGE, 'sources');
  expect(states()).toEqual(['badge running']);
});

test.each([
  ['fails', new Error('a mistake'), 'a plugin’s new version fails; the old one runs on', 'failed'],
  ['is refused', Elsewhere, 'a plugin’s new version is refused; the old one runs on', 'refused'],
])('a new version that %s leaves the old one running', async (_how, next, message, outcome) => {
  const { write, publish, until, messages, outcomes } = managing([[BADGE, Badge]]);
  await plugins.load(BADGE);
  write(BADGE, next, 'v2');
  await expect(plugins.load(BADGE, 'sources')).resolves.toMatchObject({ state: 'running', errors: [{}] });
  expect(messages('error')).toEqual([message]);
  expect(outcomes('badge')).toEqual(['loaded', outcome]);
  publish('video.watched', { n: 1 });
  await until(() => journal.includes('badge 1'));
});

test('the name of a plugin is free again when its file is removed', async () => {
  const { states, messages, outcomes } = managing([
    [BADGE, Badge],
    [OTHER, Badge],
  ]);
  await plugins.load(BADGE);
  await expect(plugins.load(OTHER)).resolves.toMatchObject({ errors: [{ code: 'JP_PLUGIN_DUPLICATE_NAME' }] });
  await plugins.remove(BADGE.file);
  expect(journal).toEqual(['badge stopped']);
  expect(messages('info')).toEqual(['a plugin is removed']);
  await plugins.load(OTHER, 'sources');
  expect(states()).toEqual(['badge running']);
  expect(outcomes('badge')).toEqual(['loaded', 'failed', 'removed', 'loaded']);
});

test('the changes of one file are made one after the other', async () => {
  const { write, states } = managing([[BADGE, Badge]]);
  const first = plugins.load(BADGE);
  const removed = plugins.remove(BADGE.file);
  const again = plugins.load(BADGE, 'sources');
  await Promise.all([first, removed]);
  expect(journal).toEqual(['badge stopped']);
  write(BADGE, Badge, 'v2');
  await again;
  expect(states()).toEqual(['badge running']);
});

test('a plugin that the config disables is stopped, and one whose section is untouched is left alone', async () => {
  const { host, states, outcomes } = managing([
    [BADGE, Badge],
    [RANKING, Ranking],
  ]);
  await Promise.all([BADGE, RANKING].map((file) => plugins.load(file)));
  const disabled = { ...host.config.plugins, sections: { badge: { enabled: false } } };
  await plugins.reconfigure({ ...host.config, plugins: disabled });
  expect(states()).toEqual(['badge stopped', 'ranking running']);
  expect([outcomes('badge'), outcomes('ranking')]).toEqual([['loaded', 'removed'], ['loaded']]);
  await plugins.reconfigure(host.config);
  expect(states()).toEqual(['badge running', 'ranking running']);
});

test('a version whose first events all fail is rolled back, and not loaded again from the same sources', async () => {
  const { write, publish, until, messages, outcomes } = managing([[BADGE, Badge]]);
  await plugins.load(BADGE);
  write(BADGE, BadgeBroken, 'v2');
  await plugins.load(BADGE, 'sources');
  for (let n = 1; n <= 5; n++) publish('video.watched', { n });
  await until(() => outcomes('badge').includes('rolled-back'));
  const [entry] = plugins.entries;
  expect(entry).toMatchObject({ state: 'running', version: 'v1', errors: [{ code: 'JP_PLUGIN_ROLLED_BACK' }] });
  expect(messages('error')).toContain('a plugin’s new version failed at everything; the one before is back');
  await plugins.load(BADGE, 'sources');
  expect(outcomes('badge')).toEqual(['loaded', 'swapped', 'rolled-back']);
  write(BADGE, Badge, 'v3');
  await expect(plugins.load(BADGE, 'sources')).resolves.toMatchObject({ version: 'v3', errors: [] });
});

test('a change concerns the plugins made of the file, and those whose error may lie elsewhere', async () => {
  const missing = new JetplugError('JP_PLUGIN_IMPORT_NOT_FOUND', './helper is not there', { file: RANKING.file });
  managing([
    [BADGE, Badge],
    [RANKING, missing],
    [OTHER, new JetplugError('JP_PLUGIN_SYNTAX', 'a brace is missing', { file: OTHER.file })],
  ]);
  await Promise.all([BADGE, RANKING, OTHER].map((file) => plugins.load(file)));
  expect(plugins.concernedBy(['/plugins/helper.ts'])).toEqual([RANKING]);
  expect(plugins.concernedBy([BADGE.file])).toEqual([BADGE, RANKING]);
});

test('a plugin whose file could not be read is a suspect for errors in that file', async () => {
  managing([
    [BADGE, Badge],
    [RANKING, new Error('no')],
  ]);
  await Promise.all([BADGE, RANKING].map((file) => plugins.load(file)));
  const suspects = plugins.suspects.filter(({ sources }) => sources.has(RANKING.file));
  expect(suspects.map(({ name }) => name)).toEqual(['ranking']);
});

test('an error that is not in the catalogue is reported as an internal error of the host', async () => {
  const { log } = managing([[BADGE, new TypeError('a fault of the host')]]);
  await plugins.load(BADGE);
  expect(log.lines).toMatchObject([{ fields: { code: 'JP_INTERNAL', error: 'a fault of the host' } }]);
});

test('a stop drains every plugin, including one that is being loaded', async () => {
  const { states } = managing([[BADGE, Badge]]);
  const loading = plugins.load(BADGE);
  await plugins.stop();
  await loading;
  await settle();
  expect([states(), journal]).toEqual([['badge stopped'], ['badge stopped']]);
});
