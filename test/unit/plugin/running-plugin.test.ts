import { Plugin, Subscribe } from 'jetplug/sdk';
import type { JetplugError } from '../../../sdk/internal';
import { runPlugin } from '../../../host/plugin/run-plugin';
import type { RunningPlugin } from '../../../host/plugin/running-plugin';
import type { AnyPluginClass } from '../../../host/testing/options';
import { memoryHost, settle, versionOf } from '../../support/memory-host';

const FILE = '/plugins/badge.plugin.ts';

interface Numbered {
  n: number;
}

/** Log of the runs: the version and the event's number; and of the lifecycle. */
let journal: string[];
let ends: (() => void)[];
const open: RunningPlugin[] = [];

beforeEach(() => {
  journal = [];
  ends = [];
});
afterEach(async () => {
  for (const end of ends) end();
  for (const plugin of open.splice(0)) await plugin.stop();
});

@Plugin({ name: 'badge' })
class First {
  @Subscribe('video.watched', { retry: { attempts: 3, backoff: ['1s'] } })
  award({ n }: Numbered): void {
    journal.push(`first ${n}`);
  }
  onStop(): void {
    journal.push('first stopped');
  }
}

@Plugin({ name: 'badge' })
class Second {
  @Subscribe('video.watched', { retry: { attempts: 3, backoff: ['1s'] } })
  award({ n }: Numbered): void {
    journal.push(`second ${n}`);
  }
  onStop(): void {
    journal.push('second stopped');
  }
}

@Plugin({ name: 'badge' })
class Keyed {
  @Subscribe('video.watched', { key: 'user' })
  award({ n }: Numbered): void {
    journal.push(`keyed ${n}`);
  }
}

@Plugin({ name: 'badge' })
class Renamed {
  @Subscribe('video.watched')
  reward({ n }: Numbered): void {
    journal.push(`renamed ${n}`);
  }
}

@Plugin({ name: 'badge' })
class Both extends First {
  @Subscribe('video.liked')
  reward(): void {}
}

@Plugin({ name: 'badge' })
class Broken {
  @Subscribe('video.watched', { retry: { attempts: 3, backoff: ['1s'] } })
  award({ n }: Numbered): void {
    journal.push(`broken ${n}`);
    throw new Error('a mistake');
  }
  onStop(): void {
    journal.push('broken stopped');
  }
}

@Plugin({ name: 'badge' })
class Slow {
  @Subscribe('video.watched')
  async award({ n }: Numbered): Promise<void> {
    await new Promise<void>((resolve) => ends.push(resolve));
    journal.push(`slow ${n}`);
  }
  onStop(): void {
    journal.push('slow stopped');
  }
}

async function running(cls: AnyPluginClass) {
  const base = memoryHost();
  const plugin = await runPlugin(versionOf(cls, 'v1', FILE), base.host);
  open.push(plugin);
  const failures: JetplugError[] = [];
  const swap = (next: AnyPluginClass, version = 'v2'): Promise<RunningPlugin> =>
    runPlugin(versionOf(next, version, FILE), base.host, { running: plugin, failed: (error) => failures.push(error) });
  return { ...base, plugin, swap, failures };
}

test('after a swap events begin on the new version, and the old version closes when the canary has passed', async () => {
  const { plugin, swap, publish, until } = await running(First);
  publish('video.watched', { n: 1 });
  await until(() => journal.length === 1);
  await expect(swap(Second)).resolves.toBe(plugin);
  publish('video.watched', { n: 2 });
  await until(() => journal.length === 3);
  expect(journal).toEqual(['first 1', 'second 2', 'first stopped']);
  expect(plugin.definition.version).toBe('v2');
});

test('a run ends on the version that it began on, which closes after the run', async () => {
  const { swap, publish, until } = await running(Slow);
  publish('video.watched', { n: 1 });
  await until(() => ends.length === 1);
  await swap(Second);
  publish('video.watched', { n: 2 });
  await settle();
  expect(journal).toEqual(['second 2']);
  ends[0]!();
  await until(() => journal.length === 3);
  expect(journal).toEqual(['second 2', 'slow 1', 'slow stopped']);
});

test('a handler with a changed key drains its predecessor, and takes over its counters', async () => {
  const { plugin, swap, publish, until } = await running(First);
  publish('video.watched', { n: 1 });
  await until(() => journal.length === 1);
  const [before] = plugin.handlers;
  await swap(Keyed);
  const [after] = plugin.handlers;
  expect(after).not.toBe(before);
  expect(after!.counters).toBe(before!.counters);
  publish('video.watched', { n: 2 });
  await until(() => journal.includes('keyed 2'));
});

test('a removed handler leaves its durable behind, which is reported', async () => {
  const { plugin, swap, log, broker } = await running(First);
  await swap(Renamed);
  expect(plugin.handlers.map(({ definition }) => definition.name)).toEqual(['reward']);
  expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { message: 'a handler is gone; its durable consumer stays', fields: { plugin: 'badge', durable: 'badge-award' } },
  ]);
  expect(await broker.durablePosition('EVENTS', 'badge-award')).toBeDefined();
});

test('a version whose durable cannot be updated is closed, and the earlier version keeps running', async () => {
  const { plugin, swap, publish, until, broker } = await running(First);
  jest.spyOn(broker, 'ensureDurable').mockRejectedValueOnce(new Error('not updatable'));
  await expect(swap(Renamed)).rejects.toThrow('not updatable');
  expect(plugin.definition.version).toBe('v1');
  publish('video.watched', { n: 1 });
  await until(() => journal.includes('first 1'));
});

test('a version whose first events all fail is rolled back, without using up attempts of the events', async () => {
  const { plugin, swap, publish, until, failures } = await running(First);
  publish('video.watched', { n: 0 });
  await until(() => journal.length === 1);
  await swap(Broken);
  for (let n = 1; n <= 5; n++) publish('video.watched', { n });
  await until(() => failures.length === 1);
  expect(failures[0]).toMatchObject({ code: 'JP_PLUGIN_ROLLED_BACK', plugin: 'badge' });
  await expect(plugin.rollBack(plugin.definition)).resolves.toBe(true);
  expect(plugin.definition.version).toBe('v1');
  await until(() => [1, 2, 3, 4, 5].every((n) => journal.includes(`first ${n}`)));
  expect(journal).toContain('broken stopped');
});

test('a version that is not the one that failed is not rolled back', async () => {
  const { plugin, swap } = await running(First);
  await swap(Broken);
  const failed = plugin.definition;
  await swap(Second, 'v3');
  await expect(plugin.rollBack(failed)).resolves.toBe(false);
  expect(plugin.definition.version).toBe('v3');
});

test('an edit of a version that fails keeps the last good version as the fallback', async () => {
  const { plugin, swap, publish, until, failures } = await running(First);
  await swap(Broken);
  publish('video.watched', { n: 1 });
  await until(() => journal.length > 0);
  await swap(Broken, 'v3');
  for (let n = 2; n <= 6; n++) publish('video.watched', { n });
  await until(() => failures.length === 1);
  await expect(plugin.rollBack(plugin.definition)).resolves.toBe(true);
  expect(plugin.definition.version).toBe('v1');
});

test('without a handler to compare there is nothing to roll back to', async () => {
  const { plugin, swap } = await running(First);
  await swap(Renamed);
  await expect(plugin.rollBack(plugin.definition)).resolves.toBe(false);
});

test('a rollback tries to make a former handler’s durable until the server answers', async () => {
  const { plugin, swap, publish, until, broker, failures, time, messages } = await running(Both);
  await swap(Broken);
  for (let n = 1; n <= 5; n++) publish('video.watched', { n });
  await until(() => failures.length === 1);
  const ensured = jest.spyOn(broker, 'ensureDurable');
  for (let i = 0; i < 3; i++) ensured.mockRejectedValueOnce(new Error('no answer'));
  const beganMs = time.nowMs();
  const rolledBack = { yet: false };
  void plugin.rollBack(plugin.definition).then(() => (rolledBack.yet = true));
  await until(() => rolledBack.yet);
  expect(time.nowMs() - beganMs).toBeGreaterThanOrEqual(3_000);
  expect(messages('warn').filter((message) => message === 'the durable consumer cannot be made yet')).toHaveLength(1);
  expect(plugin.handlers.map(({ definition }) => definition.name)).toEqual(['award', 'reward']);
});

test('a version that a failed rollback could not return to closes when the plugin stops', async () => {
  const { plugin, swap, publish, until, failures, host } = await running(First);
  await swap(Broken);
  for (let n = 1; n <= 5; n++) publish('video.watched', { n });
  await until(() => failures.length === 1);
  Object.assign(host, { streams: [] });
  await expect(plugin.rollBack(plugin.definition)).rejects.toMatchObject({ code: 'JP_HANDLER_NO_STREAM' });
  expect(plugin.definition.version).toBe('v2');
  expect(journal).not.toContain('first stopped');
  open.splice(0);
  await plugin.stop();
  expect(journal.filter((line) => line.endsWith('stopped')).sort()).toEqual(['broken stopped', 'first stopped']);
});

test('a version that a failed rollback could not return to stays the fallback of the next version', async () => {
  const { plugin, swap, publish, until, failures, host } = await running(First);
  await swap(Broken);
  for (let n = 1; n <= 5; n++) publish('video.watched', { n });
  await until(() => failures.length === 1);
  const { streams } = host;
  Object.assign(host, { streams: [] });
  await expect(plugin.rollBack(plugin.definition)).rejects.toMatchObject({ code: 'JP_HANDLER_NO_STREAM' });
  Object.assign(host, { streams });
  await swap(Broken, 'v3');
  await until(() => failures.length === 2);
  await expect(plugin.rollBack(plugin.definition)).resolves.toBe(true);
  expect(plugin.definition.version).toBe('v1');
});

test('a stop waits for the runs, then calls onStop once', async () => {
  const { plugin, publish, until } = await running(Slow);
  publish('video.watched', { n: 1 });
  await until(() => ends.length === 1);
  open.splice(0);
  const stopped = plugin.stop();
  await settle();
  expect(journal).toEqual([]);
  ends[0]!();
  await stopped;
  expect(journal).toEqual(['slow 1', 'slow stopped']);
});
