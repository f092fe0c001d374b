import { Plugin, Subscribe } from 'jetplug/sdk';
import * as classes from '../../../host/load/classes';
import type { PluginFile } from '../../../host/load/discover';
import type { CompiledPlugin } from '../../../host/load/compile';
import { InlineCandidate } from '../../../host/plugin/inline-candidate';
import { compileIsolated } from '../../../host/plugin/isolated-candidate';
import type { AnyPluginClass } from '../../../host/testing/options';
import { memoryHost, settle, versionOf } from '../../support/memory-host';

jest.mock('../../../host/plugin/isolated-candidate', () => ({ compileIsolated: jest.fn() }));
jest.mock('../../../host/load/classes', () => {
  const actual = jest.requireActual<object>('../../../host/load/classes');
  return { ...actual, forgetClasses: jest.fn() };
});

const FILE: PluginFile = { file: '/plugins/badge.plugin.ts', root: '/plugins' };

const started: string[] = [];
let start: (() => unknown) | undefined;
beforeEach(() => {
  started.length = 0;
  start = undefined;
  jest.clearAllMocks();
});

@Plugin({ name: 'badge' })
class Inline {
  onStart(): unknown {
    started.push('start');
    return start?.();
  }
  onStop(): void {
    started.push('stop');
  }
  dispose(): void {
    started.push('dispose');
  }
  @Subscribe('video.watched')
  award(): void {}
}

@Plugin({ name: 'badge', isolation: 'process' })
class Isolated extends Inline {}

/** A class that the plugin's modules have registered, besides the plugin's own. */
class Helper {}

function candidateOf(cls: AnyPluginClass, file?: PluginFile, startTimeoutMs = 10_000) {
  const base = memoryHost((config) => ({ ...config, plugins: { ...config.plugins, startTimeoutMs } }));
  const compiled: CompiledPlugin = { ...versionOf(cls), classes: [Helper] };
  return { ...base, candidate: new InlineCandidate(compiled, base.host, file) };
}

/** The classes that the host has forgotten, in order. */
const forgotten = (): unknown[] => jest.mocked(classes.forgetClasses).mock.calls.flatMap(([given]) => given);

test('an inline plugin is described from the class that is loaded in the host, which stays known', async () => {
  const { candidate } = candidateOf(Inline, FILE);
  const { definition } = await candidate.describe();
  expect(definition).toMatchObject({ name: 'badge', className: 'Inline', isolation: { isolation: 'inline' } });
  expect([started, forgotten(), jest.mocked(compileIsolated).mock.calls]).toEqual([[], [], []]);
});

test('a plugin that asks for a process is compiled again for the process, and its classes are forgotten', async () => {
  const { candidate, host } = candidateOf(Isolated, FILE);
  const described = { definition: { name: 'from the process' } };
  jest.mocked(compileIsolated).mockResolvedValue({ describe: async () => described, close: jest.fn() } as never);
  expect(await candidate.describe()).toBe(described);
  expect(compileIsolated).toHaveBeenCalledWith(FILE, expect.objectContaining({ isolation: 'process' }), host);
  expect(forgotten()).toEqual([Helper]);
});

test('a process whose plugin cannot be described is closed', async () => {
  const { candidate } = candidateOf(Isolated, FILE);
  const close = jest.fn();
  const describe = () => Promise.reject(new Error('no such module'));
  jest.mocked(compileIsolated).mockResolvedValue({ describe, close });
  await expect(candidate.describe()).rejects.toThrow('no such module');
  expect(close).toHaveBeenCalledTimes(1);
});

test('a class without a file runs in the host, though its options ask for a process', async () => {
  const { candidate } = candidateOf(Isolated);
  const version = await (await candidate.describe()).instantiate();
  expect([started, version.code.processes]).toEqual([['start'], undefined]);
  expect(compileIsolated).not.toHaveBeenCalled();
  await version.close();
});

test('a version that ends stops the plugin, then the host forgets its classes', async () => {
  const { candidate } = candidateOf(Inline, FILE);
  const version = await (await candidate.describe()).instantiate();
  expect([started, forgotten()]).toEqual([['start'], []]);
  await version.close();
  expect([started, forgotten()]).toEqual([
    ['start', 'stop', 'dispose'],
    [Helper, Inline],
  ]);
});

test('a candidate that is closed before it is described is forgotten', () => {
  candidateOf(Inline, FILE).candidate.close();
  expect(forgotten()).toEqual([Helper]);
});

test('a start that fails rejects with the error of the plugin', async () => {
  start = () => Promise.reject(new Error('no database'));
  const described = await candidateOf(Inline, FILE).candidate.describe();
  await expect(described.instantiate()).rejects.toMatchObject({ code: 'JP_PLUGIN_START_FAILED', plugin: 'badge' });
});

test('a start that fails after the time limit is logged', async () => {
  let fail!: (error: Error) => void;
  start = () => new Promise((_, reject) => (fail = reject));
  const { candidate, log, messages } = candidateOf(Inline, FILE, 1);
  const described = await candidate.describe();
  await expect(described.instantiate()).rejects.toMatchObject({ code: 'JP_PLUGIN_LOAD_TIMEOUT' });
  expect(messages('warn')).toEqual([]);
  fail(new Error('no database'));
  await settle();
  expect(messages('warn')).toEqual(['a plugin failed after its start was abandoned']);
  expect(log.lines.at(-1)!.fields).toMatchObject({ plugin: 'badge', err: { code: 'JP_PLUGIN_START_FAILED' } });
});

test('a start that succeeds after the time limit is released without a call of onStop', async () => {
  let end!: () => void;
  start = () => new Promise<void>((resolve) => (end = resolve));
  const { candidate, messages } = candidateOf(Inline, FILE, 1);
  const described = await candidate.describe();
  await expect(described.instantiate()).rejects.toMatchObject({ code: 'JP_PLUGIN_LOAD_TIMEOUT' });
  expect(started).toEqual(['start']);
  end();
  await settle();
  expect([started, messages('warn')]).toEqual([['start', 'dispose'], []]);
});
