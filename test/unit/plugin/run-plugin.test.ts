import { Plugin, Settings, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';
import { runPlugin } from '../../../host/plugin/run-plugin';
import { PluginVersion } from '../../../host/plugin/version';
import type { AnyPluginClass } from '../../../host/testing/options';
import { memoryHost, versionOf } from '../../support/memory-host';

/** The steps that were reached, as the plugin and the broker see them. */
let journal: string[];
beforeEach(() => (journal = []));

@Plugin({ name: 'badge' })
class Good {
  constructor() {
    journal.push('instantiate');
  }
  onStart(): unknown {
    return journal.push('start');
  }
  onStop(): void {
    journal.push('stop');
  }
  @Subscribe('video.watched')
  award({ n }: { n: number }): void {
    journal.push(`handle ${n}`);
  }
}

@Plugin({ name: 'badge' })
class NoHandler {}

@Plugin({ name: 'badge', settings: z.object({ milestones: z.array(z.number()) }) })
class BadSettings {
  constructor(readonly settings: Settings<object>) {
    journal.push('instantiate');
  }
  @Subscribe('video.watched')
  award(): void {}
}

@Plugin({ name: 'badge' })
class FailsToStart extends Good {
  override onStart(): never {
    throw new Error('no database');
  }
}

@Plugin({ name: 'badge' })
class NeverStarts extends Good {
  override onStart(): unknown {
    return new Promise(() => undefined);
  }
}

@Plugin({ name: 'badge' })
class NoStream extends Good {
  @Subscribe('other.watched')
  override award(): void {}
}

function life(cls: AnyPluginClass) {
  const base = memoryHost((config) => ({ ...config, plugins: { ...config.plugins, startTimeoutMs: 50 } }));
  const { host, broker } = base;
  const claim = host.claim.bind(host);
  jest.spyOn(host, 'claim').mockImplementation((plugin) => {
    journal.push('claim');
    claim(plugin);
  });
  const ensureDurable = broker.ensureDurable.bind(broker);
  const ensured = jest.spyOn(broker, 'ensureDurable').mockImplementation((spec) => {
    journal.push('reconcile');
    return ensureDurable(spec);
  });
  const pull = broker.pull.bind(broker);
  jest.spyOn(broker, 'pull').mockImplementation((...given) => {
    journal.push('consume');
    return pull(...given);
  });
  return { ...base, ensured, run: () => runPlugin(versionOf(cls), host) };
}

test('a plugin goes through claim, instantiate, reconcile and consume, and a stop drains it', async () => {
  const { run, publish, until } = life(Good);
  const plugin = await run();
  publish('video.watched', { n: 1 });
  await until(() => journal.includes('handle 1'));
  await plugin.stop();
  expect(journal).toEqual(['claim', 'instantiate', 'start', 'reconcile', 'consume', 'handle 1', 'stop']);
});

test.each<[step: string, cls: AnyPluginClass, code: string, reached: string[]]>([
  ['describe', NoHandler, 'JP_PLUGIN_NO_HANDLER', []],
  ['instantiate, by its settings', BadSettings, 'JP_PLUGIN_SETTINGS_INVALID', ['claim']],
  ['instantiate, by its onStart', FailsToStart, 'JP_PLUGIN_START_FAILED', ['claim', 'instantiate']],
  ['instantiate, by its time', NeverStarts, 'JP_PLUGIN_LOAD_TIMEOUT', ['claim', 'instantiate']],
  ['reconcile', NoStream, 'JP_HANDLER_NO_STREAM', ['claim', 'instantiate', 'start', 'stop']],
])('a plugin that fails at the step %s leaves nothing behind', async (_step, cls, code, reached) => {
  const { run, broker } = life(cls);
  const error: unknown = await run().catch((thrown: unknown) => thrown);
  expect(error instanceof AggregateError ? (error.errors as unknown[])[0] : error).toMatchObject({ code });
  expect(journal).toEqual(reached);
  expect(await broker.durablePosition('EVENTS', 'badge-award')).toBeUndefined();
});

test('a plugin whose name another file has is refused before it is instantiated', async () => {
  const { run, host } = life(Good);
  host.claim({ name: 'badge', file: '/plugins/other.ts', handlers: [] } as never);
  await expect(run()).rejects.toMatchObject({ code: 'JP_PLUGIN_DUPLICATE_NAME' });
  expect(journal).toEqual(['claim', 'claim']);
});

test('a started plugin is stopped when its durable cannot be created', async () => {
  const { run, ensured } = life(Good);
  ensured.mockRejectedValueOnce(new Error('no answer'));
  await expect(run()).rejects.toThrow('no answer');
  expect(journal).toEqual(['claim', 'instantiate', 'start', 'stop']);
});

test('a plugin that cannot be released after a failed step is logged by its name, and fails with the error of the step', async () => {
  const { run, ensured, log } = life(Good);
  ensured.mockRejectedValueOnce(new Error('no answer'));
  jest.spyOn(PluginVersion.prototype, 'close').mockRejectedValueOnce(new Error('not released'));
  await expect(run()).rejects.toThrow('no answer');
  expect(log.lines).toMatchObject([
    { level: 'error', message: 'a plugin that failed to load could not be released', fields: { plugin: 'badge' } },
  ]);
});
