/** The order in which the changes of one file take effect. A mock replaces `runPlugin`. */
import type { PluginDefinition } from '../../../host/load/describe';
import { ManagedPlugin } from '../../../host/plugin/managed-plugin';
import { NameRegistry } from '../../../host/plugin/name-registry';
import type { PluginHost } from '../../../host/plugin/plugin-host';
import { ReloadReports } from '../../../host/plugin/reload-reports';
import { runPlugin } from '../../../host/plugin/run-plugin';
import type { RunningPlugin } from '../../../host/plugin/running-plugin';
import { JetplugError } from '../../../sdk/internal';
import { memoryHost, settle } from '../../support/memory-host';

jest.mock('../../../host/plugin/run-plugin', () => ({ runPlugin: jest.fn() }));

const FILE = '/plugins/badge.plugin.ts';
const definition = (version: string): PluginDefinition =>
  ({ name: 'badge', version, file: FILE, handlers: [], sources: new Map([['/helper.ts', '']]) }) as never;

/** A plugin that runs with this version; its handlers are in these states. */
function runningWith(version: string, ...states: string[]) {
  return {
    definition: definition(version),
    handlers: states.map((state) => ({ state, durable: { subject: 'video.a', durable: 'badge-award' } })),
    stop: jest.fn(async () => undefined),
    quit: jest.fn(),
    rollBack: jest.fn(async () => true),
  } as unknown as RunningPlugin;
}

function managed(change?: Parameters<typeof memoryHost>[0]) {
  const base = memoryHost(change);
  const names = new NameRegistry();
  const reports = new ReloadReports(base.log);
  const contracts = { publish: jest.fn(), withdraw: jest.fn() };
  const context = { host: () => base.host, names, contracts, reports };
  const plugin = new ManagedPlugin({ file: FILE, root: '/plugins' }, context);
  return { ...base, plugin, names, contracts, reports };
}

/** The next call of `runPlugin` claims this version's names, and then returns the plugin or fails. */
function nextRun(version: string, result: RunningPlugin | Error): void {
  jest.mocked(runPlugin).mockImplementationOnce(async (_file, host: PluginHost) => {
    host.claim(definition(version));
    if (result instanceof Error) throw result;
    return result;
  });
}

afterEach(() => jest.mocked(runPlugin).mockReset());

test.each([
  [['running', 'running'], 'running'],
  [['running', 'paused'], 'paused'],
  [['paused', 'waiting'], 'waiting'],
  [[], 'running'],
])('a plugin whose handlers are %j is %s', async (states, expected) => {
  const { plugin } = managed();
  expect(plugin.entry.state).toBe('loading');
  nextRun('v1', runningWith('v1', ...states));
  await plugin.load('start');
  expect(plugin.entry).toMatchObject({ name: 'badge', version: 'v1', state: expected, errors: [] });
});

test('queued work runs in order, and a failure does not stop the work after it', async () => {
  const { plugin } = managed();
  const journal: string[] = [];
  const first = plugin.inTurn(async () => {
    await new Promise(setImmediate);
    journal.push('first');
    throw new Error('no');
  });
  const second = plugin.inTurn(async () => journal.push('second'));
  await expect(first).rejects.toThrow('no');
  await second;
  expect(journal).toEqual(['first', 'second']);
});

test('a new version that fails releases its names, and the running version keeps its own', async () => {
  const { plugin, names } = managed();
  nextRun('v1', runningWith('v1', 'running'));
  await plugin.load('start');
  nextRun('v2', new Error('a mistake'));
  await plugin.load('sources');
  expect(plugin.entry).toMatchObject({ state: 'running', version: 'v1', errors: [{ code: 'JP_INTERNAL' }] });
  const other = { ...definition('v1'), file: '/plugins/other.plugin.ts' };
  expect(() => names.take(other)).toThrow(expect.objectContaining({ code: 'JP_PLUGIN_DUPLICATE_NAME' }));
  await plugin.remove();
  names.take(other);
});

test('a plugin that the config disables is drained', async () => {
  const { plugin, reports } = managed((config) => ({
    ...config,
    plugins: { ...config.plugins, sections: { badge: { enabled: false } } },
  }));
  nextRun('v1', runningWith('v1'));
  await plugin.load('start');
  expect([plugin.entry.state, reports.reloads.of('badge')]).toEqual(['stopped', []]);
});

test('a plugin is made of its own file and of its sources', async () => {
  const { plugin } = managed();
  nextRun('v1', runningWith('v1'));
  await plugin.load('start');
  expect([FILE, '/helper.ts', '/other.ts'].map((path) => plugin.isMadeOf(path))).toEqual([true, true, false]);
});

test.each([
  [
    'only a change of its own file may mend a syntax error',
    new JetplugError('JP_PLUGIN_SYNTAX', 'no', { file: FILE }),
    false,
  ],
  [
    'a change of another file may mend a missing import',
    new JetplugError('JP_PLUGIN_IMPORT_NOT_FOUND', 'no', { file: FILE }),
    true,
  ],
])('%s', async (_what, error, mayHelp) => {
  const { plugin } = managed();
  nextRun('v1', error);
  await plugin.load('start');
  expect(plugin.failedForOthers).toBe(mayHelp);
});

test('quit reaches the running plugin at once, without a turn in the queue', async () => {
  const { plugin } = managed();
  plugin.quit();
  const running = runningWith('v1');
  nextRun('v1', running);
  await plugin.load('start');
  plugin.quit();
  expect(running.quit).toHaveBeenCalledTimes(1);
});

describe('a plugin that could not start because the server did not answer', () => {
  const noQuorum = new JetplugError(
    'JP_BROKER_NO_QUORUM',
    'stream LOG_jetplug-badge: JetStream did not answer in time',
  );

  test('is loaded again until the server answers', async () => {
    const { plugin, until, messages } = managed();
    nextRun('v1', noQuorum);
    await plugin.load('start');
    expect(plugin.entry).toMatchObject({ state: 'failed', errors: [{ code: 'JP_BROKER_NO_QUORUM' }] });
    nextRun('v1', noQuorum);
    nextRun('v1', runningWith('v1', 'running'));
    await until(() => plugin.entry.state === 'running');
    expect(messages('error')).toEqual(['a plugin fails']);
    expect(runPlugin).toHaveBeenCalledTimes(3);
  });

  test('reports each change of the reason', async () => {
    const { plugin, until, messages, reports } = managed();
    const full = new JetplugError('JP_STORE_UNAVAILABLE', 'the bucket did not answer');
    nextRun('v1', noQuorum);
    await plugin.load('start');
    for (const reason of [full, full, noQuorum]) nextRun('v1', reason);
    nextRun('v1', runningWith('v1', 'running'));
    await until(() => plugin.entry.state === 'running');
    expect(messages('error')).toHaveLength(3);
    expect(reports.reloads.of('badge').map(({ outcome, error }) => error?.code ?? outcome)).toEqual([
      'JP_BROKER_NO_QUORUM',
      'JP_STORE_UNAVAILABLE',
      'JP_BROKER_NO_QUORUM',
      'loaded',
    ]);
  });

  test('because of a durable is built again only when the server has another one', async () => {
    const { plugin, until, broker, messages } = managed();
    const refused = new JetplugError('JP_CONSUMER_NOT_UPDATABLE', 'durable badge-award cannot be changed in place');
    const handler = { name: 'award', durable: 'badge-award', subject: 'video.a', from: 'new' };
    const check = jest.spyOn(broker, 'checkDurable');
    for (let checks = 0; checks < 3; checks++) check.mockRejectedValueOnce(refused);
    jest.mocked(runPlugin).mockImplementationOnce(async (_file, host: PluginHost) => {
      host.claim({ ...definition('v1'), handlers: [handler] } as never);
      throw refused;
    });
    await plugin.load('start');
    nextRun('v1', runningWith('v1', 'running'));
    await until(() => plugin.entry.state === 'running');
    expect([check.mock.calls.length, jest.mocked(runPlugin).mock.calls.length]).toEqual([4, 2]);
    expect(check).toHaveBeenCalledWith(expect.objectContaining({ stream: 'EVENTS', durable: 'badge-award' }));
    expect(messages('error')).toEqual(['a plugin fails']);
  });

  test('keeps the version that runs where a new one is refused, and builds the new one once', async () => {
    const { plugin, time } = managed();
    nextRun('v1', runningWith('v1', 'running'));
    await plugin.load('start');
    nextRun('v2', new JetplugError('JP_CONSUMER_NOT_UPDATABLE', 'it would have to be made again'));
    await plugin.load('sources');
    time.step(time.nowMs() + 60_000, false);
    await settle();
    expect([plugin.entry.version, jest.mocked(runPlugin).mock.calls.length]).toEqual(['v1', 2]);
  });

  test.each([
    ['it is stopped', noQuorum, (plugin: ManagedPlugin) => plugin.stop()],
    ['it has another error', new JetplugError('JP_PLUGIN_SYNTAX', 'no', { file: FILE }), async () => undefined],
  ])('is not loaded again when %s', async (_when, error, act) => {
    const { plugin, time } = managed();
    nextRun('v1', error);
    await plugin.load('start');
    await act(plugin);
    time.step(time.nowMs() + 60_000, false);
    await settle();
    expect(runPlugin).toHaveBeenCalledTimes(1);
  });
});
