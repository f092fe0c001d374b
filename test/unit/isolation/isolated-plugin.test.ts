import { machineTime } from '../../../host/base/time';
import { IsolatedPlugin, type IsolatedOptions } from '../../../host/isolation/isolated-plugin';
import type { WorkerServices } from '../../../host/isolation/worker';
import { WORKERS } from '../../../host/isolation/isolation-backends';
import { within, type Scope } from '../../../host/message/run';
import { eventually } from '../../support/eventually';
import { IdleWorker } from '../../support/idle-worker';
import { RecordingLog } from '../../../host/testing/recording-log';

const time = { ...machineTime, every: () => ({ cancel: () => undefined }) };
const DEFINITION = {
  name: 'badge',
  isolation: { processes: 2 },
  sources: [],
  handlers: [{ method: 'handle', timeoutMs: 1_000 }],
};
let log: RecordingLog;
let plugin: IsolatedPlugin;

/** A plugin that is loaded, and not started yet. */
beforeEach(async () => {
  IdleWorker.all = [];
  jest.spyOn(WORKERS, 'process').mockImplementation((_options, events) => new IdleWorker(events, DEFINITION));
  log = new RecordingLog();
  const policy = { isolation: 'process', processes: 2, heapLimitBytes: 1, memoryLimitBytes: 1 };
  const options = { file: '/p/badge.plugin.ts', modules: new Map(), plugins: { defaults: {}, sections: {} } };
  plugin = new IsolatedPlugin({ ...options, policy, log, time } as unknown as IsolatedOptions);
  await plugin.load();
});
const start = (): Promise<void> => plugin.start(undefined, {} as WorkerServices);
afterEach(() => jest.restoreAllMocks());

function call(leaveHost = jest.fn()): void {
  const scope = { isOver: false, waitToBegin: () => undefined, leaveHost } as unknown as Scope;
  void within(scope, () => plugin.handler('handle')({} as never, {} as never));
}

test('a plugin has as many workers as its definition says, and a call goes to the one with the fewest', async () => {
  await start();
  for (let i = 0; i < 4; i++) call();
  expect(IdleWorker.all.map(({ load }) => load)).toEqual([2, 2]);
  expect(plugin.processes).toMatchObject([
    { state: 'running', restarts: 0 },
    { state: 'running', restarts: 0 },
  ]);
});

test('when a worker ends, its calls that had not begun run in another, and a new worker replaces it', async () => {
  await start();
  const [first, second] = IdleWorker.all;
  for (let i = 0; i < 2; i++) call();
  first!.end(first!.calls);
  expect(second!.load).toBe(2);
  expect(plugin.processes).toMatchObject([{ state: 'waiting', lastEnd: 'it broke' }, { state: 'running' }]);
  await eventually(() => plugin.processes[0]!.state === 'running');
  expect(plugin.processes[0]).toMatchObject({ restarts: 1, lastEnd: 'it broke' });
  expect(log.lines.map(({ message }) => message)).toEqual([
    'plugin process ended; restarting it',
    'plugin process restarted',
  ]);
});

test('calls wait while no worker is ready, and have no permit of the host meanwhile', async () => {
  await start();
  for (const worker of IdleWorker.all) worker.end([]);
  const leaveHost = jest.fn();
  call(leaveHost);
  expect(leaveHost).toHaveBeenCalledTimes(1);
  await eventually(() => IdleWorker.all.some(({ load }) => load === 1));
});

test('a plugin that is ended kills its workers and starts no more', async () => {
  await start();
  const [first, second] = IdleWorker.all;
  plugin.end();
  first!.end([]);
  expect([second!.killed, IdleWorker.all.length]).toEqual(['it was ended by the host', 2]);
  expect(log.lines).toEqual([]);
});

test('a plugin that is ended before its start starts no worker', async () => {
  plugin.end();
  await expect(start()).rejects.toMatchObject({ code: 'JP_PLUGIN_PROCESS_ENDED', plugin: 'badge' });
  expect(IdleWorker.all).toHaveLength(1);
});

test('a start fails with the end of a worker that has ended since the plugin was loaded', async () => {
  IdleWorker.all[0]!.end([]);
  await expect(start()).rejects.toMatchObject({ code: 'JP_PLUGIN_PROCESS_ENDED', message: 'it broke' });
});
