import { defineEvent, Plugin, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';
import type { HandlerConfig, PluginSection } from '../../../host/config/config';
import { describe as describePlugin } from '../../../host/load/describe';
import type { OptionName } from '../../../host/load/handler-options';
import type { Origin } from '../../../host/load/option-origins';
import type { AnyPluginClass } from '../../../host/testing/options';
import { versionOf } from '../../support/memory-host';

const FILE = '/plugins/x.plugin.ts';
class Happened extends defineEvent('a.happened', z.object({ n: z.number() })) {}

/** The origins of the options of a plugin's handlers. */
function originsIn(
  cls: unknown,
  { source = '', defaults = {}, section = {} }: { source?: string; defaults?: HandlerConfig; section?: HandlerConfig },
): Record<OptionName, Origin>[] {
  const sections: Record<string, PluginSection> = { x: { enabled: true, ...section } };
  const plugins = { dirs: [], watch: false, startTimeoutMs: 10_000, use: [], defaults, sections };
  const sources = new Map([[FILE, source]]);
  const plugin = { ...versionOf(cls as AnyPluginClass, 'v1', FILE), sources };
  return describePlugin(plugin, { plugins }).handlers.map(({ origins }) => origins);
}

test('an option that is set nowhere has the origin default', () => {
  @Plugin()
  class X {
    @Subscribe(Happened) handle() {}
  }
  const [origins] = originsIn(X, {});
  const options = 'from concurrency timeout retry.attempts retry.backoff key batch rate durable'.split(' ');
  expect(origins).toEqual(Object.fromEntries(options.map((option) => [option, { layer: 'default' }])));
});

test('an option of the decorator has the line on which it is written', () => {
  @Plugin()
  class X {
    @Subscribe(Happened, { from: 'beginning', concurrency: 2, timeout: '1s', retry: { attempts: 2, backoff: ['1s'] } })
    one() {}

    @Subscribe(Happened, { key: 'n', durable: 'd' }) two() {}

    @Subscribe(Happened, { concurrency: 3, batch: { size: 2 } })
    three() {}
  }
  const source = `@Plugin()
class X {
  @Subscribe(Happened, {
    from: 'beginning',
    concurrency: 2,
    timeout: '1s',
    retry: {
      attempts: 2,
      backoff: ['1s'],
    },
  })
  one({ timeout: t }) {}

  @Subscribe(Happened, { key: 'n', durable: 'd' }) two() {}

  @Subscribe(Happened, ELSEWHERE)
  three() {}
}`;
  const [one, two, three] = originsIn(X, { source });
  const at = (line: number) => ({ layer: 'decorator', file: FILE, line });
  expect(one).toMatchObject({
    from: at(4),
    concurrency: at(5),
    timeout: at(6),
    'retry.attempts': at(8),
    'retry.backoff': at(9),
    key: { layer: 'default' },
  });
  expect(two).toMatchObject({ key: at(14), durable: at(14), from: { layer: 'default' } });
  // An option that is not written in the decorator itself is searched for from the decorator's line.
  expect(three).toMatchObject({ concurrency: at(16), batch: at(16) });
});

test('an option of the config has its path there; the section takes precedence over the decorator, the decorator over the defaults', () => {
  @Plugin()
  class X {
    @Subscribe(Happened, { concurrency: 2, timeout: '2s', retry: { attempts: 2 } }) handle() {}
  }
  const defaults: HandlerConfig = { from: 'beginning', timeoutMs: 1, retry: { attempts: 1, backoff: ['1s'] } };
  const section: HandlerConfig = { concurrency: 3, retry: { attempts: 3 } };
  expect(originsIn(X, { defaults, section })[0]).toMatchObject({
    from: { layer: 'config', key: 'plugins.defaults.from' },
    concurrency: { layer: 'config', key: 'plugins.x.concurrency' },
    timeout: { layer: 'decorator' },
    'retry.attempts': { layer: 'config', key: 'plugins.x.retry.attempts' },
    'retry.backoff': { layer: 'config', key: 'plugins.defaults.retry.backoff' },
  });
});
