/** Several plugins in one host, their injected services, and their start and stop. */
import { Clock, EventBus, Plugin, Settings, Store, Subscribe } from 'jetplug/sdk';
import { TestClock } from 'jetplug/testing';
import { z } from 'zod';
import { Counted, onBoth, Placed } from '../support/conformance';

onBoth('each of several plugins on one subject gets every event, even if another plugin fails', async (start) => {
  const got: string[] = [];
  @Plugin({ name: 'good' })
  class GoodPlugin {
    @Subscribe(Placed)
    take({ n }: Placed): void {
      got.push(`good ${n}`);
    }
  }
  @Plugin({ name: 'bad' })
  class BadPlugin {
    @Subscribe(Placed, { retry: { attempts: 1 } })
    take({ n }: Placed): void {
      got.push(`bad ${n}`);
      if (n === 2) throw new Error('not this one');
    }
  }
  const host = await start([GoodPlugin, BadPlugin]);
  for (const n of [1, 2, 3]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(got.filter((line) => line.startsWith('good'))).toEqual(['good 1', 'good 2', 'good 3']);
  expect(got.filter((line) => line.startsWith('bad')).length).toBeGreaterThanOrEqual(3);
  expect(host.deadLetters().map(({ plugin, sequence }) => `${plugin} ${sequence}`)).toEqual(['bad 2']);
});

@Plugin({ name: 'counting' })
class CountingPlugin {
  constructor(
    private readonly totals: Store<number>,
    private readonly events: EventBus,
  ) {}
  @Subscribe(Placed)
  async take({ user, n }: Placed): Promise<void> {
    const total = await this.totals.update(user, (before = 0) => before + n);
    await this.events.publish(Counted, { user, total });
  }
}

onBoth('a plugin receives the events that another plugin publishes', async (start) => {
  const totals: number[] = [];
  @Plugin({ name: 'listening' })
  class ListeningPlugin {
    @Subscribe(Counted)
    take({ total }: Counted): void {
      totals.push(total);
    }
  }
  const host = await start([CountingPlugin, ListeningPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(totals).toEqual([1, 3]);
});

onBoth('an endless chain of events that cause each other is stopped', async (start) => {
  let calls = 0;
  @Plugin({ name: 'echo' })
  class EchoPlugin {
    constructor(private readonly events: EventBus) {}
    @Subscribe(Placed)
    async take({ user, n }: Placed): Promise<void> {
      calls++;
      await this.events.publish(Placed, { user, n: n + 1 });
    }
  }
  const host = await start([EchoPlugin]);
  await host.publish(Placed, { user: 'u1', n: 0 });
  await host.settled();
  expect(calls).toBe(33);
  expect(host.deadLetters()).toMatchObject([{ reason: 'too-many-hops' }]);
});

onBoth('each plugin and each scope has a key space of its own, and a store accepts any key', async (start) => {
  const keys = ['u1', 'a b', 'ä/ö', '.x.', '*', '>', '__proto__', 'x'.repeat(300), '='];
  @Plugin({ name: 'keys' })
  class KeysPlugin {
    constructor(private readonly store: Store<number>) {}
    @Subscribe(Placed)
    async take(): Promise<void> {
      const other = this.store.scope<string>('other');
      for (const [i, key] of keys.entries()) {
        await this.store.update(key, () => i);
        await other.update(key, () => `other ${i}`);
      }
      await this.store.delete('*');
    }
  }
  const host = await start([KeysPlugin, CountingPlugin]);
  await host.publish(Placed, { user: 'u1', n: 7 });
  await host.settled();
  const store = host.store<number>(KeysPlugin);
  expect((await store.keys()).sort()).toEqual(keys.filter((key) => key !== '*').sort());
  expect(await store.get('__proto__')).toBe(6);
  expect(await store.get('*')).toBeUndefined();
  expect(await store.scope('other').get('*')).toBe('other 4');
  expect(await host.store(CountingPlugin).get('u1')).toBe(7);
});

onBoth('a test can fill a store before the first event', async (start) => {
  const host = await start([CountingPlugin]);
  await host.store<number>(CountingPlugin).update('u1', () => 9);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(host.published(Counted)).toMatchObject([{ total: 10 }]);
});

onBoth('a value that JSON cannot hold is refused, and the event fails', async (start) => {
  @Plugin({ name: 'no-json' })
  class NoJsonPlugin {
    constructor(private readonly store: Store) {}
    @Subscribe(Placed, { retry: { attempts: 1 } })
    async take({ n }: Placed): Promise<void> {
      await this.store.update(n === 0 ? '' : 'k', () => (n === 1 ? undefined : 1n));
    }
  }
  const host = await start([NoJsonPlugin]);
  for (const n of [0, 1, 2]) await host.publish(Placed, { user: 'u1', n });
  await host.settled();
  expect(host.deadLetters().map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
});

@Plugin({ name: 'limits', settings: z.object({ limit: z.number().int().positive().default(5) }) })
class LimitsPlugin {
  static seen: number[] = [];
  constructor(private readonly settings: Settings<{ limit: number }>) {}
  @Subscribe(Placed)
  take(): void {
    LimitsPlugin.seen.push(this.settings.value.limit);
  }
}

onBoth('settings are the output of the plugin’s schema', async (start) => {
  LimitsPlugin.seen = [];
  for (const settings of [{}, { limits: { limit: 9 } }]) {
    const host = await start([LimitsPlugin], { settings });
    await host.publish(Placed, { user: 'u1', n: 1 });
    await host.settled();
  }
  expect(LimitsPlugin.seen).toEqual([5, 9]);
  await expect(start([LimitsPlugin], { settings: { limits: { limit: 0 } } })).rejects.toMatchObject({
    code: 'JP_PLUGIN_SETTINGS_INVALID',
  });
  await expect(start([LimitsPlugin], { settings: { limit: { limit: 1 } } })).rejects.toMatchObject({
    code: 'JP_CONFIG_UNKNOWN_KEY',
  });
});

onBoth('onStart runs before the first event and onStop after the last', async (start) => {
  const said: string[] = [];
  @Plugin({ name: 'polite' })
  class PolitePlugin {
    async onStart(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 5));
      said.push('start');
    }
    @Subscribe(Placed, { from: 'beginning' })
    async take(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 5));
      said.push('event');
    }
    onStop(): void {
      said.push('stop');
    }
  }
  const host = await start([PolitePlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.restart();
  expect(said).toEqual(['start', 'event', 'stop', 'start']);
});

onBoth('a failure in onStart, or in the constructor, is reported with the plugin’s name', async (start) => {
  @Plugin({ name: 'no-start' })
  class NoStartPlugin {
    onStart(): void {
      throw new Error('no database');
    }
    @Subscribe(Placed)
    take(): void {}
  }
  @Plugin({ name: 'no-make' })
  class NoMakePlugin {
    constructor() {
      throw new Error('no luck');
    }
    @Subscribe(Placed)
    take(): void {}
  }
  await expect(start([NoStartPlugin])).rejects.toMatchObject({ code: 'JP_PLUGIN_START_FAILED', plugin: 'no-start' });
  await expect(start([NoMakePlugin])).rejects.toMatchObject({
    code: 'JP_PLUGIN_CONSTRUCTOR_FAILED',
    plugin: 'no-make',
  });
});

onBoth('a handler on a subject without a stream is refused', async (start) => {
  @Plugin({ name: 'nowhere' })
  class NowherePlugin {
    @Subscribe(Placed)
    take(): void {}
  }
  const config = { streams: [{ name: 'OTHER', subjects: ['other.>'] }] };
  await expect(start([NowherePlugin], { config })).rejects.toMatchObject({
    code: 'JP_HANDLER_NO_STREAM',
    message: expect.stringContaining('OTHER (other.>)'),
  });
});

onBoth('two plugins with the same name are refused', async (start) => {
  @Plugin({ name: 'counting' })
  class AnotherPlugin {
    @Subscribe(Placed)
    count(): void {}
  }
  await expect(start([CountingPlugin, AnotherPlugin])).rejects.toMatchObject({ code: 'JP_PLUGIN_DUPLICATE_NAME' });
});

onBoth('the config overrules the options of a handler’s decorator', async (start) => {
  let tries = 0;
  @Plugin({ name: 'tuned' })
  class TunedPlugin {
    @Subscribe(Placed, { retry: { attempts: 9, backoff: ['20ms'] } })
    take(): void {
      tries++;
      throw new Error('always');
    }
  }
  const host = await start([TunedPlugin], { config: { plugins: { tuned: { retry: { attempts: 2 } } } } });
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(tries).toBe(2);
  expect(host.deadLetters()).toHaveLength(1);
});

onBoth('the clock of a plugin shows the time of the test', async (start) => {
  const times: Date[] = [];
  @Plugin({ name: 'timed' })
  class TimedPlugin {
    constructor(private readonly clock: Clock) {}
    @Subscribe(Placed)
    take(): void {
      times.push(this.clock.now());
    }
  }
  const host = await start([TimedPlugin], { clock: new TestClock('2026-05-12T12:00:00.000Z') });
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  await host.clock.advance('300ms');
  await host.publish(Placed, { user: 'u1', n: 2 });
  await host.settled();
  expect(times[0]!.toISOString()).toMatch(/^2026-05-12T12:00:0/);
  expect(times[1]!.getTime() - times[0]!.getTime()).toBeGreaterThanOrEqual(299);
});
