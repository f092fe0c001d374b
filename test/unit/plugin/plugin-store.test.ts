import type { PluginBroker } from '../../../host/broker/plugin-broker';
import { CommitLogs } from '../../../host/plugin/commit-logs';
import { PluginStore } from '../../../host/plugin/plugin-store';
import { MemoryBroker } from '../../../host/testing/memory-broker';
import { configOf } from '../../../host/testing/options';
import { RecordingLog } from '../../../host/testing/recording-log';
import { machineTime } from '../../../host/base/time';

type OpenedStore = Awaited<ReturnType<PluginBroker['openStore']>>;

/** The commit logs of a host, on a broker that counts which buckets and logs are left. The test can refuse an opening. */
function bench() {
  const broker = new MemoryBroker(configOf({}), machineTime);
  const left: string[] = [];
  const opened: string[] = [];
  const openStore = broker.openStore.bind(broker);
  const openLog = broker.openLog.bind(broker);
  const state: { before: () => Promise<void> } = { before: () => Promise.resolve() };
  broker.openStore = async (plugin) => {
    await state.before();
    opened.push(plugin);
    const store: OpenedStore = await openStore(plugin);
    return { ...store, leave: () => void left.push(`bucket ${plugin}`) } as never;
  };
  broker.openLog = async (plugin, above) => ({
    ...(await openLog(plugin, above)),
    leave: () => void left.push(`log ${plugin}`),
  });
  const commits = new CommitLogs({ broker, time: machineTime, log: new RecordingLog() });
  return { broker, commits, left, opened, state, store: () => new PluginStore('badge', { commits }) };
}

test('a plugin that has no log yet opens nothing at its start', async () => {
  const { store, commits, opened, left } = bench();
  const one = store();
  await one.enter();
  expect(commits.get('badge')!.log).toBeUndefined();
  one.release();
  await commits.closed();
  expect([opened, left]).toEqual([[], []]);
});

test('a log that exists is opened at the start of the plugin', async () => {
  const { broker, store, commits } = bench();
  await broker.openLog('badge');
  const one = store();
  await one.enter();
  expect(commits.get('badge')!.log).toBeDefined();
  one.release();
  await commits.closed();
});

test('the texts of an open store are those of the plugin’s bucket', async () => {
  const { broker, store, commits } = bench();
  await broker.bucket('jetplug-badge').put('k', '"stored"');
  const one = store();
  await one.enter();
  expect(await (await one.openTexts()).get('k', undefined)).toBe('"stored"');
  one.release();
  await commits.closed();
});

test('the versions of a plugin share one log, which is left once, when the last of them is released', async () => {
  const { store, commits, opened, left } = bench();
  const [before, after] = [store(), store()];
  await before.enter();
  await before.openTexts();
  await after.enter();
  await after.openTexts();
  expect(opened).toEqual(['badge']);
  before.release();
  before.release();
  await commits.closed();
  expect(left).toEqual([]);
  after.release();
  await commits.closed();
  expect(left.sort()).toEqual(['bucket badge', 'log badge']);
});

test('a store that is released while it is opened leaves its bucket as soon as it is open', async () => {
  const { store, commits, state, left } = bench();
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  state.before = () => opened;
  const one = store();
  await one.enter();
  const opening = one.openTexts();
  await new Promise((resolve) => setImmediate(resolve));
  one.release();
  expect(left).toEqual([]);
  open();
  await opening;
  await commits.closed();
  expect(left.sort()).toEqual(['bucket badge', 'log badge']);
});

test('a bucket that cannot be opened rejects, and may be opened again', async () => {
  const { store, commits, state, left } = bench();
  state.before = () => Promise.reject(new Error('no quorum'));
  const one = store();
  await one.enter();
  await expect(one.openTexts()).rejects.toThrow('no quorum');
  state.before = () => Promise.resolve();
  await one.openTexts();
  one.release();
  await commits.closed();
  expect(left.filter((what) => what === 'bucket badge')).toHaveLength(1);
  // The first attempt opened the log beside the bucket that it could not open.
  expect(left.filter((what) => what === 'log badge')).toHaveLength(2);
});

test('a store that was never entered has nothing to release, and cannot be entered afterwards', async () => {
  const { store, left } = bench();
  const one = store();
  one.release();
  expect(left).toEqual([]);
  await expect(one.enter()).rejects.toThrow('abandoned');
});
