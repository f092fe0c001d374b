import { availableParallelism } from 'node:os';
import { WORKERS } from '../../../host/isolation/isolation-backends';
import type { IsolatedPolicy } from '../../../host/load/isolation-options';
import type { Candidate } from '../../../host/plugin/candidate';
import { compileIsolated } from '../../../host/plugin/isolated-candidate';
import { MemoryKeyValue } from '../../support/memory-key-value';
import { IdleWorker } from '../../support/idle-worker';
import { memoryHost, settle } from '../../support/memory-host';
import { Scene } from '../../support/scene';

const POLICY = { isolation: 'process', processes: 1, heapLimitBytes: 1, memoryLimitBytes: 1 } as IsolatedPolicy;
/** How many processes of plugins may start at the same time. */
const AT_A_TIME = 2 * availableParallelism();

const scene = new Scene();
let candidates: Candidate[];
/** Promises that a worker awaits before it answers an order. They may reject. */
let until: { open?: Promise<unknown>; start?: Promise<unknown> };
let services: string[];
let processes: number;

beforeEach(() => {
  IdleWorker.all = [];
  candidates = [];
  until = {};
  services = [];
  processes = 1;
  jest.spyOn(WORKERS, 'process').mockImplementation((_options, events) => {
    const where = { file: '/p/badge.plugin.ts', line: 3 };
    const definition = { name: 'badge', className: 'Badge', where, isolation: { processes }, services, sources: [] };
    const wire = { ...definition, handlers: [{ method: 'award', timeoutMs: 1_000 }] };
    return new IdleWorker(events, wire, (order) => until[order] ?? Promise.resolve());
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  // A permit that is kept would let the next test wait.
  for (const candidate of candidates) await candidate.close();
});
afterAll(() => scene.end());

/** A host with a plugin's file. */
function bench(startTimeoutMs = 10_000) {
  const folder = scene.folder({ 'badge.plugin.ts': 'export class Badge {}' });
  const file = { file: `${folder}/badge.plugin.ts`, root: folder };
  const sections = { badge: { settings: { limit: 3 } } } as never;
  const { host } = memoryHost((config) => ({ ...config, plugins: { ...config.plugins, startTimeoutMs, sections } }));
  const left = jest.fn();
  const openStore = jest.spyOn(host.broker, 'openStore');
  openStore.mockImplementation(async () => ({ bucket: new MemoryKeyValue(), leave: left }));
  const compile = async (): Promise<Candidate> => {
    const candidate = await compileIsolated(file, POLICY, host);
    candidates.push(candidate);
    return candidate;
  };
  return { file, host, left, openStore, compile };
}

const never = new Promise<never>(() => undefined);

test('a plugin is described and started in its process, with its settings, and stopped there', async () => {
  const { compile } = bench();
  const described = await (await compile()).describe();
  expect(described.definition).toMatchObject({ name: 'badge', className: 'Badge' });
  const [worker] = IdleWorker.all;
  expect(worker!.started).toBeUndefined();
  const version = await described.instantiate();
  expect(worker!.started).toMatchObject({ settings: { limit: 3 } });
  expect(version.code.processes).toMatchObject([{ state: 'running', pid: worker!.pid }]);
  await version.close();
  expect(worker!.stops).toBe(1);
});

test('a plugin that uses its store has it open before it starts, and leaves it in the end', async () => {
  services = ['store'];
  const { compile, host, openStore, left } = bench();
  const version = await (await (await compile()).describe()).instantiate();
  expect(openStore.mock.calls).toEqual([['badge']]);
  await version.close();
  await host.commits.closed();
  expect(left).toHaveBeenCalledTimes(1);
});

test('a plugin that does not declare its store opens it at its first use', async () => {
  const { compile, host, openStore } = bench();
  const version = await (await (await compile()).describe()).instantiate();
  expect(openStore).not.toHaveBeenCalled();
  expect(await IdleWorker.all[0]!.started!.services.texts.keys(undefined)).toEqual([]);
  expect(openStore).toHaveBeenCalledTimes(1);
  await version.close();
  await host.commits.closed();
});

test('a plugin that cannot be loaded rejects with its error, and its process is killed when it is closed', async () => {
  until.open = Promise.reject(new Error('a brace is missing'));
  const { compile } = bench();
  const candidate = await compile();
  await expect(candidate.describe()).rejects.toThrow('a brace is missing');
  await candidate.close();
  expect(IdleWorker.all[0]!.killed).toBe('it was ended by the host');
});

test('a plugin that takes too long to load is killed, and named by its file', async () => {
  until.open = never;
  const { compile, file } = bench(20);
  const candidate = await compile();
  const error = { code: 'JP_PLUGIN_LOAD_TIMEOUT', plugin: 'badge', file: file.file, line: 1 };
  await expect(candidate.describe()).rejects.toMatchObject(error);
  expect(IdleWorker.all[0]!.killed).toBe('it was ended by the host');
});

test('a plugin whose start fails rejects with its error, and releases all when it is closed', async () => {
  services = ['store'];
  until.start = Promise.reject(new Error('no database'));
  const { compile, host, left } = bench();
  const described = await (await compile()).describe();
  await expect(described.instantiate()).rejects.toThrow('no database');
  expect(left).not.toHaveBeenCalled();
  await described.close();
  await host.commits.closed();
  expect(left).toHaveBeenCalledTimes(1);
  expect(IdleWorker.all[0]!.killed).toBe('it was ended by the host');
});

test('a start that is abandoned while the store is opened starts no process, and leaves the store', async () => {
  services = ['store'];
  processes = 3;
  const { compile, openStore, left } = bench(20);
  let opened!: () => void;
  openStore.mockImplementation(
    () => new Promise((resolve) => (opened = () => resolve({ bucket: new MemoryKeyValue(), leave: left }))),
  );
  const described = await (await compile()).describe();
  const error = { code: 'JP_PLUGIN_LOAD_TIMEOUT', plugin: 'badge', message: 'Badge did not start within 20 ms' };
  await expect(described.instantiate()).rejects.toMatchObject(error);
  await described.close();
  opened();
  await settle();
  expect(left).toHaveBeenCalledTimes(1);
  expect(IdleWorker.all.map(({ started, killed }) => [started, killed])).toEqual([
    [undefined, 'it was ended by the host'],
  ]);
});

describe('the start of one more process than may start at the same time', () => {
  /** Compiles as many plugins as may start at the same time, and one more. */
  async function oneMore(compile: () => Promise<Candidate>) {
    const first = await Promise.all(Array.from({ length: AT_A_TIME }, () => compile()));
    let isAcquired = false;
    const last = compile().then(() => (isAcquired = true));
    await settle();
    expect(isAcquired).toBe(false);
    return { first, last };
  }

  test.each<[when: string, end: (candidate: Candidate) => unknown]>([
    ['another has started', async (candidate) => (await candidate.describe()).instantiate()],
    ['another is closed before it is loaded', (candidate) => candidate.close()],
    ['another is closed before it is started', async (candidate) => (await candidate.describe()).close()],
  ])('waits until %s', async (_when, end) => {
    const { compile } = bench();
    const { first, last } = await oneMore(compile);
    await end(first[0]!);
    await last;
  });

  test('does not wait for a plugin whose file cannot be read', async () => {
    const { compile, file, host } = bench();
    for (let i = 0; i < AT_A_TIME; i++) {
      await expect(compileIsolated({ ...file, file: `${file.root}/gone.plugin.ts` }, POLICY, host)).rejects.toThrow();
    }
    await compile();
  });

  test('lets one process start for each that ends, though it is closed again later', async () => {
    const { compile } = bench();
    const { first, last } = await oneMore(compile);
    const described = await first[0]!.describe();
    await described.instantiate();
    await described.close();
    await first[0]!.close();
    await last;
    let isAcquired = false;
    const another = compile().then(() => (isAcquired = true));
    await settle();
    expect(isAcquired).toBe(false);
    await first[1]!.close();
    await another;
  });
});
