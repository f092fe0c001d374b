import { JetplugError } from '../../../sdk/internal';
import { machineTime } from '../../../host/base/time';
import { IsolatedPlugin, type IsolatedOptions } from '../../../host/isolation/isolated-plugin';
import type { PluginWorker, WorkerCall, WorkerEvents, WorkerServices } from '../../../host/isolation/worker';
import { WORKERS } from '../../../host/isolation/isolation-backends';
import { within, type Scope } from '../../../host/message/run';
import { eventually } from '../../support/eventually';
import { RecordingLog } from '../../../host/testing/recording-log';

/** A worker that takes calls and does nothing, until the test ends it. */
class IdleWorker implements PluginWorker {
  static all: IdleWorker[] = [];
  readonly pid = 1_000 + IdleWorker.all.length;
  readonly residentBytes = 0;
  readonly calls: WorkerCall[] = [];
  killed: string | undefined;

  constructor(private readonly events: WorkerEvents) {
    IdleWorker.all.push(this);
  }

  get load(): number {
    return this.calls.length;
  }
  open(): never {
    const handlers = [{ method: 'handle', timeoutMs: 1_000 }];
    const definition = { name: 'badge', isolation: { processes: 2 }, sources: [], handlers };
    return Promise.resolve({ is: 'loaded', definition, modules: [] }) as never;
  }
  start(): Promise<void> {
    return Promise.resolve();
  }
  call(call: WorkerCall): void {
    this.calls.push(call);
  }
  check(): void {}
  stop(): Promise<void> {
    return Promise.resolve();
  }
  kill(why: string): void {
    this.killed = why;
  }
  end(unstarted: readonly WorkerCall[]): void {
    this.events.ended(new JetplugError('JP_PLUGIN_PROCESS_ENDED', 'it broke'), unstarted);
  }
}

const time = { ...machineTime, every: () => ({ cancel: () => undefined }) };
let log: RecordingLog;
let plugin: IsolatedPlugin;

/** A plugin that is loaded, and not started yet. */
beforeEach(async () => {
  IdleWorker.all = [];
  jest.spyOn(WORKERS, 'process').mockImplementation((_options, events) => new IdleWorker(events));
  log = new RecordingLog();
  const policy = { isolation: 'process', processes: 2, heapLimitBytes: 1, memoryLimitBytes: 1 };
  const options = { file: '/p/badge.plugin.ts', modules: new Map(), plugins: { defaults: {}, sections: {} } };
  plugin = new IsolatedPlugin({ ...options, policy, log, time } as unknown as IsolatedOptions);
  await plugin.load();
});
const start = (): Promise<void> => plugin.start(undefined, {} as WorkerServices);
afterEach(() => jest.restoreAllMocks());

function call(): void {
  const scope = { isOver: false, waitToBegin: () => undefined } as unknown as Scope;
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

test('calls wait while no worker is ready', async () => {
  await start();
  for (const worker of IdleWorker.all) worker.end([]);
  call();
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
