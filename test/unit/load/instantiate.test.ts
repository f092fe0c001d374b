import { readFileSync } from 'node:fs';
import { EventBus, Logger, Plugin, Settings, Store, Subscribe, type PluginLifecycle } from 'jetplug/sdk';
import { container, inject, injectable, Lifecycle, scoped, type Disposable } from 'tsyringe';
import { z } from 'zod';
import { JetStreamEventBus } from '../../../host/effects/event-bus';
import { TextStore, type StoreTexts } from '../../../host/effects/text-store';
import type { Outgoing } from '../../../host/broker/ports';
import { currentOwner, currentScope } from '../../../host/message/run';
import { instantiate } from '../../../host/load/instantiate';
import type { PluginServices } from '../../../host/load/injectables';
import { describe as describePlugin, type DescribedPlugin } from '../../../host/load/describe';
import type { PluginClass } from '../../../sdk/internal';
import { RecordingLog } from '../../../host/testing/recording-log';
import { systemClock } from '../../../host/base/time';

// The plugins' sources are this file itself, so that places in it are found.
const SOURCE = readFileSync(__filename, 'utf8');
const lineOf = (text: string) => SOURCE.split('\n').findIndex((line) => line.includes(text)) + 1;

function definitionOf(cls: unknown, file = __filename): DescribedPlugin {
  const config = { plugins: { dirs: [], watch: false, startTimeoutMs: 1_000, use: [], defaults: {}, sections: {} } };
  const sources = new Map([[file, SOURCE]]);
  return describePlugin(
    { file, cls: cls as PluginClass, version: 'v1', sources, contracts: [], texts: new Map(), classes: [] },
    config,
  );
}

const NO_STREAMS: Outgoing = {
  check: () => undefined,
  send: () => Promise.resolve({ duplicate: false }),
  dropsRepeatsMs: 120_000,
  idsSince: () => Promise.reject(new Error('nobody is to ask')),
};

const NO_TEXTS: StoreTexts = {
  get: () => Promise.resolve(undefined),
  change: () => Promise.resolve(undefined),
  keys: () => Promise.resolve([]),
  commit: () => Promise.resolve(),
};

/** The host's services for one plugin, with a count of the requests for its store. */
function services(): PluginServices & { opened: number } {
  const own = {
    opened: 0,
    log: new RecordingLog(),
    clock: systemClock,
    bus: new JetStreamEventBus(NO_STREAMS, systemClock),
    openTexts: () => {
      own.opened++;
      return Promise.resolve(NO_TEXTS);
    },
  };
  return own;
}

test('builds a plugin with the services of the host', async () => {
  @Plugin()
  class All {
    constructor(
      readonly store: Store<number>,
      readonly bus: EventBus,
      readonly log: Logger,
      readonly settings: Settings<{ n: number }>,
    ) {}
    @Subscribe('a') handle() {}
  }
  const given = services();
  const { instance } = await instantiate(definitionOf(All), given, { n: 1 });
  expect(instance).toBeInstanceOf(All);
  expect(instance).toMatchObject({ bus: given.bus, log: given.log, settings: { value: { n: 1 } } });
  expect(instance['store']).toBeInstanceOf(TextStore);
});

test('opens a store only for a plugin that asks for one, and the plugin’s classes share it', async () => {
  @injectable()
  class Helper {
    constructor(readonly store: Store<number>) {}
  }
  @Plugin()
  class Asking {
    constructor(
      readonly store: Store<number>,
      readonly helper: Helper,
    ) {}
    @Subscribe('a') handle() {}
  }
  @Plugin()
  class Silent {
    @Subscribe('a') handle() {}
  }
  const [asked, silent] = [services(), services()];
  const { instance } = await instantiate(definitionOf(Asking), asked, undefined);
  await instantiate(definitionOf(Silent), silent, undefined);
  expect([asked.opened, silent.opened]).toEqual([1, 0]);
  expect((instance['helper'] as Helper).store).toBe(instance['store']);
});

test('a helper named by @inject gets the plugin’s store too', async () => {
  @injectable()
  class Helper {
    constructor(readonly store: Store<number>) {}
  }
  interface Counting {
    store: Store<number>;
  }
  @Plugin()
  class Asking {
    constructor(@inject(Helper) readonly helper: Counting) {}
    @Subscribe('a') handle() {}
  }
  const { instance } = await instantiate(definitionOf(Asking), services(), undefined);
  expect((instance['helper'] as Helper).store).toBeInstanceOf(TextStore);
});

@scoped(Lifecycle.ContainerScoped)
class OneForEach {
  constructor(readonly store: Store<number>) {}
}

@injectable()
class Between {
  constructor(readonly one: OneForEach) {}
}

test('two plugins with the same container-scoped class each have their own instance, with their own store', async () => {
  @Plugin()
  class First {
    constructor(
      readonly store: Store<number>,
      readonly one: OneForEach,
      readonly between: Between,
    ) {}
    @Subscribe('a') handle() {}
  }
  @Plugin()
  class Second {
    constructor(
      readonly store: Store<number>,
      readonly one: OneForEach,
    ) {}
    @Subscribe('a') handle() {}
  }
  const { instance: first } = await instantiate(definitionOf(First), services(), undefined);
  const { instance: second } = await instantiate(definitionOf(Second), services(), undefined);
  const one = (instance: Record<string, unknown>) => instance['one'] as OneForEach;
  expect(one(first)).not.toBe(one(second));
  expect(one(first).store).toBe(first['store']);
  expect(one(second).store).toBe(second['store']);
  expect((first['between'] as Between).one).toBe(one(first));
});

@injectable()
class Packaged {
  constructor(readonly store: Store<number>) {}
}
container.register('transient', { useClass: Packaged });
container.registerSingleton('kept', Packaged);

test('classes that a package registers in the global container are built with each plugin’s own services', async () => {
  @Plugin()
  class Asking {
    constructor(
      readonly store: Store<number>,
      @inject('transient') readonly transient: Packaged,
      @inject('kept') readonly kept: Packaged,
      @inject('kept') readonly again: Packaged,
    ) {}
    @Subscribe('a') handle() {}
  }
  const build = async () => (await instantiate(definitionOf(Asking), services(), undefined)).instance;
  const [first, second] = [await build(), await build()];
  for (const { store, transient, kept, again } of [first, second]) {
    expect((transient as Packaged).store).toBe(store);
    expect((kept as Packaged).store).toBe(store);
    expect(again).toBe(kept);
  }
  expect(first['kept']).not.toBe(second['kept']);
});

test('a plugin that is built again, as after an edit, shares no instance with its predecessor', async () => {
  @Plugin()
  class Edited {
    constructor(readonly one: OneForEach) {}
    @Subscribe('a') handle() {}
  }
  const before = await instantiate(definitionOf(Edited), services(), undefined);
  const after = await instantiate(definitionOf(Edited), services(), undefined);
  expect(after.instance['one']).not.toBe(before.instance['one']);
});

test('settings are the output of the plugin’s schema for its section of the config', async () => {
  @Plugin({ settings: z.object({ n: z.number().default(7), at: z.string().transform(Number).optional() }) })
  class Set {
    constructor(readonly settings: Settings<object>) {}
    @Subscribe('a') handle() {}
  }
  const settingsOf = async (section: unknown) =>
    ((await instantiate(definitionOf(Set), services(), section)).instance['settings'] as Settings<object>).value;
  expect(await settingsOf(undefined)).toEqual({ n: 7 });
  expect(await settingsOf({ n: 1, at: '5' })).toEqual({ n: 1, at: 5 });
  await expect(settingsOf({ n: 'x' })).rejects.toMatchObject({
    code: 'JP_PLUGIN_SETTINGS_INVALID',
    message: expect.stringMatching(/^plugins\.set\.settings\.n: /) as string,
    plugin: 'set',
    file: __filename,
    line: lineOf('class Set {'),
  });
});

test('a settings schema that throws is reported as the plugin’s fault', async () => {
  const settings = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => {
        throw new Error('broken schema');
      },
    },
  } as const;
  @Plugin({ settings })
  class Broken {
    @Subscribe('a') handle() {}
  }
  await expect(instantiate(definitionOf(Broken), services(), {})).rejects.toMatchObject({
    code: 'JP_PLUGIN_SETTINGS_INVALID',
    message: expect.stringContaining('broken schema') as string,
    plugin: 'broken',
  });
});

test('a constructor that throws is reported with its line', async () => {
  @Plugin()
  class Throwing {
    constructor() {
      throw new TypeError('no luck'); // here
    }
    @Subscribe('a') handle() {}
  }
  await expect(instantiate(definitionOf(Throwing), services(), undefined)).rejects.toMatchObject({
    code: 'JP_PLUGIN_CONSTRUCTOR_FAILED',
    message: 'Throwing: no luck',
    plugin: 'throwing',
    file: __filename,
    line: lineOf("throw new TypeError('no luck'); // here"),
    cause: expect.any(TypeError) as TypeError,
  });
});

test.each([[undefined], ['text'], [Symbol('s')], [Object.create(null) as object], [{ message: 5 }]])(
  'a constructor or onStart that throws %p is named with the class’s line',
  async (thrown) => {
    const error = thrown as Error;
    @Plugin()
    class OddConstructor {
      constructor() {
        throw error;
      }
      @Subscribe('a') handle() {}
    }
    @Plugin()
    class OddStart implements PluginLifecycle {
      async onStart() {
        await Promise.reject(error);
      }
      @Subscribe('a') handle() {}
    }
    await expect(instantiate(definitionOf(OddConstructor), services(), undefined)).rejects.toMatchObject({
      code: 'JP_PLUGIN_CONSTRUCTOR_FAILED',
      line: lineOf('class OddConstructor'),
    });
    await expect(instantiate(definitionOf(OddStart), services(), undefined)).rejects.toMatchObject({
      code: 'JP_PLUGIN_START_FAILED',
      line: lineOf('class OddStart'),
    });
  },
);

test('a dependency whose constructor throws is named with its path from the plugin', async () => {
  @injectable()
  class Inner {
    constructor() {
      throw new Error('no luck within');
    }
  }
  @Plugin()
  class Outer {
    constructor(readonly inner: Inner) {}
    @Subscribe('a') handle() {}
  }
  await expect(
    instantiate(definitionOf(Outer, '/plugins/outer.plugin.ts'), services(), undefined),
  ).rejects.toMatchObject({
    code: 'JP_INJECT_FAILED',
    message: expect.stringMatching(/"inner" at position #0 of "Outer"[^]*no luck within/) as string,
    plugin: 'outer',
    line: lineOf('class Outer {'),
  });
});

test('a token that nobody provides is named', async () => {
  @Plugin()
  class Asking {
    constructor(@inject('MAILER') readonly mailer: object) {}
    @Subscribe('a') handle() {}
  }
  await expect(
    instantiate(definitionOf(Asking, '/plugins/asking.plugin.ts'), services(), undefined),
  ).rejects.toMatchObject({
    code: 'JP_INJECT_FAILED',
    message: expect.stringContaining('MAILER') as string,
  });
});

test('onStart runs with its `this`, and is awaited', async () => {
  const done: string[] = [];
  @Plugin()
  class Starting implements PluginLifecycle {
    readonly name = 'starting';
    async onStart() {
      await new Promise((resolve) => setImmediate(resolve));
      done.push(this.name);
    }
    @Subscribe('a') handle() {}
  }
  await instantiate(definitionOf(Starting), services(), undefined);
  expect(done).toEqual(['starting']);
});

test('an onStart that fails is reported with the line of the failure', async () => {
  @Plugin()
  class Failing implements PluginLifecycle {
    onStart() {
      throw new RangeError('not today'); // there
    }
    @Subscribe('a') handle() {}
  }
  await expect(instantiate(definitionOf(Failing), services(), undefined)).rejects.toMatchObject({
    code: 'JP_PLUGIN_START_FAILED',
    message: 'Failing.onStart: RangeError: not today',
    line: lineOf("throw new RangeError('not today'); // there"),
  });
});

test('instances that the container built are disposed of on release, and when the plugin fails to start', async () => {
  const disposed: string[] = [];
  @scoped(Lifecycle.ContainerScoped)
  class Connection implements Disposable {
    dispose() {
      disposed.push('connection');
    }
  }
  @Plugin()
  class Good {
    constructor(readonly connection: Connection) {}
    @Subscribe('a') handle() {}
  }
  @Plugin()
  class Bad implements PluginLifecycle {
    constructor(readonly connection: Connection) {}
    onStart() {
      throw new Error('x');
    }
    @Subscribe('a') handle() {}
  }
  const { release } = await instantiate(definitionOf(Good), services(), undefined);
  expect(disposed).toEqual([]);
  await release();
  expect(disposed).toEqual(['connection']);
  await expect(instantiate(definitionOf(Bad), services(), undefined)).rejects.toThrow();
  expect(disposed).toEqual(['connection', 'connection']);
});

test('a store that cannot be opened fails the plugin with the broker’s error', async () => {
  @Plugin()
  class Asking {
    constructor(readonly store: Store) {}
    @Subscribe('a') handle() {}
  }
  const error = new Error('no answer');
  await expect(
    instantiate(definitionOf(Asking), { ...services(), openTexts: () => Promise.reject(error) }, undefined),
  ).rejects.toBe(error);
});

test('work that the constructor and onStart begin has the plugin as its owner and belongs to no handler run', async () => {
  const seen: unknown[] = [];
  const look = () => seen.push([currentOwner(), currentScope()]);
  @Plugin()
  class Begins {
    constructor() {
      setImmediate(look);
    }
    async onStart() {
      await new Promise((done) => setImmediate(done));
      look();
    }
    @Subscribe('a') handle() {}
  }
  await instantiate(definitionOf(Begins), services(), undefined);
  expect(seen).toEqual(Array(2).fill([{ plugin: 'begins' }, undefined]));
  expect(currentOwner()).toBeUndefined();
});
