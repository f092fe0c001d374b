import { defineEvent, Plugin, Subscribe, type SubscribeOptions } from 'jetplug/sdk';
import { z } from 'zod';
import type { HandlerConfig, PluginsConfig } from '../../../host/config/config';
import { describe as describePlugin, type DescribedPlugin } from '../../../host/load/describe';
import type { JetplugError } from '../../../sdk/internal';
import type { VideoPublished as ByTypeOnly } from '../../../plugins/contracts/streaming';
import type { AnyPluginClass } from '../../../host/testing/options';
import { versionOf } from '../../support/memory-host';

const FILE = '/plugins/x.plugin.ts';
class Happened extends defineEvent('a.happened', z.object({ n: z.number() })) {}
class Other extends defineEvent('a.other', z.object({ n: z.number() })) {}

function configOf(defaults: HandlerConfig = {}, sections: PluginsConfig['sections'] = {}): { plugins: PluginsConfig } {
  return { plugins: { dirs: [], watch: false, startTimeoutMs: 10_000, use: [], defaults, sections } };
}

function described(cls: unknown, config = configOf(), source = ''): DescribedPlugin {
  const sources = new Map([[FILE, source]]);
  return describePlugin({ ...versionOf(cls as AnyPluginClass, 'v1', FILE), sources }, config);
}

/** The problems of a plugin. */
function problems(cls: unknown, config = configOf(), source = ''): JetplugError[] {
  try {
    described(cls, config, source);
  } catch (error) {
    if (error instanceof AggregateError) return error.errors as JetplugError[];
    throw error;
  }
  throw new Error('nothing is wrong');
}

test('a plugin is described by its decorators, with a default for the rest', () => {
  const settings = z.object({});
  @Plugin({ description: 'Awards badges', settings })
  class BadgePlugin {
    @Subscribe()
    async onHappened(_event: Happened) {}

    @Subscribe(Other, {
      from: { since: '7d' },
      durable: 'mine',
      concurrency: 1,
      timeout: '5s',
      retry: { attempts: 2, backoff: ['1s', '250ms'] },
    })
    other(_event: Other) {}

    @Subscribe('a.>')
    all(_event: object) {}
  }
  const source =
    '\n@Plugin({})\nexport class BadgePlugin {\n  @Subscribe()\n  async onHappened(event) {}\n  @Subscribe(Other) other(event) {}\n}';
  const where = { file: FILE, line: 3 };
  const retry = { attempts: 5, backoffMs: [1_000, 5_000, 30_000, 120_000] };
  // Their own tests are in origins.test.ts.
  const origins = expect.anything() as unknown;
  expect(described(BadgePlugin, configOf(), source)).toEqual({
    name: 'badge',
    file: FILE,
    version: 'v1',
    description: 'Awards badges',
    className: 'BadgePlugin',
    cls: BadgePlugin,
    settingsSchema: settings,
    // Its own tests are in used-middleware.test.ts.
    middleware: new Map([
      ['onHappened', []],
      ['other', []],
      ['all', []],
    ]),
    where,
    sources: new Map([[FILE, source]]),
    isolation: expect.objectContaining({ isolation: 'inline', processes: 1 }) as unknown,
    injected: [],
    services: [],
    // Its own tests are in plugin-events.test.ts.
    events: expect.objectContaining({ handled: [0, 1, null] }) as unknown,
    handlers: [
      {
        method: 'onHappened',
        name: 'on-happened',
        durable: 'badge-on-happened',
        subject: 'a.happened',
        contract: Happened,
        from: 'new',
        concurrency: 8,
        timeoutMs: 30_000,
        retry,
        where: { file: FILE, line: 5 },
        origins,
        middleware: [],
      },
      {
        method: 'other',
        name: 'other',
        durable: 'mine',
        subject: 'a.other',
        contract: Other,
        from: { since: '7d' },
        concurrency: 1,
        timeoutMs: 5_000,
        retry: { attempts: 2, backoffMs: [1_000, 250] },
        where: { file: FILE, line: 6 },
        origins,
        middleware: [],
      },
      {
        method: 'all',
        name: 'all',
        durable: 'badge-all',
        subject: 'a.>',
        contract: undefined,
        from: 'new',
        concurrency: 8,
        timeoutMs: 30_000,
        retry,
        where,
        origins,
        middleware: [],
      },
    ],
  });
});

test('a name in the decorator takes precedence over the class’s name', () => {
  @Plugin({ name: 'other-name' })
  class BadgePlugin {
    @Subscribe(Happened) award() {}
  }
  expect(described(BadgePlugin)).toMatchObject({ name: 'other-name', handlers: [{ durable: 'other-name-award' }] });
});

test('the config’s section takes precedence over the decorator, and the decorator over the config’s defaults', () => {
  @Plugin()
  class Layered {
    @Subscribe(Happened, { concurrency: 2, timeout: '2s', retry: { attempts: 2 } }) withOptions() {}
    @Subscribe(Happened) withoutOptions() {}
  }
  const defaults: HandlerConfig = {
    from: 'beginning',
    concurrency: 1,
    timeoutMs: 1_000,
    retry: { attempts: 1, backoff: ['1s'] },
  };
  const section = { enabled: true, concurrency: 3, retry: { attempts: 3 } };
  const handlers = (config: ReturnType<typeof configOf>) =>
    described(Layered, config).handlers.map(({ from, concurrency, timeoutMs, retry }) => ({
      from,
      concurrency,
      timeoutMs,
      ...retry,
    }));
  expect(handlers(configOf(defaults))).toEqual([
    { from: 'beginning', concurrency: 2, timeoutMs: 2_000, attempts: 2, backoffMs: [1_000] },
    { from: 'beginning', concurrency: 1, timeoutMs: 1_000, attempts: 1, backoffMs: [1_000] },
  ]);
  expect(handlers(configOf(defaults, { layered: section, other: { enabled: true, concurrency: 9 } }))).toEqual([
    { from: 'beginning', concurrency: 3, timeoutMs: 2_000, attempts: 3, backoffMs: [1_000] },
    { from: 'beginning', concurrency: 3, timeoutMs: 1_000, attempts: 3, backoffMs: [1_000] },
  ]);
});

interface Shape {
  n: number;
}
type Either = Happened | Other;

/** The decorator without its types, for mistakes that the compiler finds. */
const SubscribeAny = Subscribe as (...options: unknown[]) => (target: object, method: string) => void;

/** A plugin with one handler that has this decoration. */
function handlerWith(...decoration: unknown[]) {
  @Plugin()
  class One {
    @SubscribeAny(...decoration)
    handle() {}
  }
  return One;
}

test('the error for a handler without an event names the type that the compiler left of its parameter, and why', () => {
  @Plugin()
  class Lost {
    @SubscribeAny() byInterface(_event: Shape) {}
    @SubscribeAny() byUnion(_event: Either) {}
    @SubscribeAny() byTypeImport(_event: ByTypeOnly) {}
    @SubscribeAny() byUnknown(_event: unknown) {}
    @SubscribeAny() byArray(_event: Happened[]) {}
    @SubscribeAny() byNothing() {}
    @SubscribeAny() byText(_event: string) {}
    @SubscribeAny() byOtherClass(_event: Map<string, string>) {}
    @SubscribeAny() byFunction(_event: () => void) {}
  }
  expect(problems(Lost).map(({ code, message }) => [code, message])).toEqual(
    [
      ['byInterface', /type is gone at run time: an interface, a union, `any`, or a class imported with `import type`/],
      ['byUnion', /type is gone at run time/],
      ['byTypeImport', /type is gone at run time/],
      ['byUnknown', /type is gone at run time/],
      ['byArray', /has an array parameter, which does not say of what/],
      ['byNothing', /has no parameter, and its decorator names no event/],
      ['byText', /parameter of type String, which is no event contract/],
      ['byOtherClass', /parameter of type Map, which is no event contract/],
      ['byFunction', /imported with `import type`/],
    ].map(([method, says]) => [
      'JP_HANDLER_NO_EVENT',
      expect.stringMatching(new RegExp(`^Lost\\.${method as string} .*${(says as RegExp).source}`)) as string,
    ]),
  );
});

test('the error names a type that is imported with `type`, and the line of the import', () => {
  @Plugin()
  class Lost {
    constructor(readonly clock: Shape) {}
    @SubscribeAny() award(_event: Shape) {}
    @SubscribeAny() first(_context: Shape) {}
  }
  const source = `import { type Clock } from 'jetplug/sdk';
import type { Happened } from './contracts';
class Lost {
  constructor(
    readonly clock: Clock,
  ) {}
  @Subscribe() award(event: Happened) {}
  @Subscribe() first(context: EventContext, event: Happened) {}
}`;
  expect(problems(Lost, configOf(), source).map(({ code, line, message }) => [code, line, message])).toEqual([
    ['JP_INJECT_INTERFACE', 5, 'Lost’s constructor parameter 1 (clock) is Clock, which line 1 imports with `type`'],
    ['JP_HANDLER_NO_EVENT', 7, 'Lost.award has a parameter of type Happened, which line 2 imports with `type`'],
    ['JP_HANDLER_NO_EVENT', 8, 'Lost.first has EventContext as its first parameter, which names no event'],
  ]);
});

test('a list without the option batch, and one event with it, are refused', () => {
  @Plugin()
  class Lists {
    @SubscribeAny(Happened) list(_events: Happened[]) {}
    @SubscribeAny('a.>') raw(_events: Happened[]) {}
    @SubscribeAny(Happened, { batch: { size: 2 } }) one(_event: Happened) {}
    @SubscribeAny(Happened, { batch: { size: 2 } }) some(_events: readonly Happened[]) {}
  }
  expect(problems(Lists).map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'JP_HANDLER_OPTIONS: Lists.list has a list as its parameter, and no option batch',
    'JP_HANDLER_OPTIONS: Lists.raw has a list as its parameter, and no option batch',
    'JP_HANDLER_OPTIONS: Lists.one has the option batch, and its parameter is one Happened, not a list',
  ]);
});

test('decorators without parentheses, and options that @Plugin does not have, are refused', () => {
  @(Plugin as unknown as (cls: object) => void)
  class Bare {
    @(Subscribe as unknown as (target: object, method: string) => void) handle(_event: Happened) {}
  }
  expect(problems(Bare).map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'JP_PLUGIN_OPTIONS: @Plugin has no parentheses',
    'JP_HANDLER_OPTIONS: @Subscribe on Bare.handle has no parentheses',
  ]);
  @Plugin({ descripton: 'x' } as object)
  class Misspelt {
    @Subscribe() handle(_event: Happened) {}
  }
  expect(problems(Misspelt)).toMatchObject([
    { code: 'JP_PLUGIN_OPTIONS', message: expect.stringContaining('no option "descripton"; it has name,') as string },
  ]);
  @Plugin({ settings: { limit: z.number() } as never })
  class Schemaless {
    @Subscribe() handle(_event: Happened) {}
  }
  expect(problems(Schemaless)).toMatchObject([
    { code: 'JP_PLUGIN_OPTIONS', message: expect.stringContaining('settings is no schema') as string },
  ]);
});

test('the error for a handler without metadata, as in plain JavaScript, advises naming its contract', () => {
  class Plain {
    handle(): void {}
  }
  SubscribeAny()(Plain.prototype, 'handle');
  Plugin()(Plain);
  expect(problems(Plain)).toMatchObject([
    { code: 'JP_HANDLER_NO_EVENT', message: expect.stringContaining('without decorator metadata') as string },
  ]);
});

test.each<[what: string, options: unknown, says: RegExp, code?: string]>([
  [
    'an option that does not exist',
    { retries: 3 },
    /no option "retries"; it has from, concurrency, timeout, retry, key, batch, rate, durable/,
  ],
  ['a concurrency of 0', { concurrency: 0 }, /concurrency is 0, not a whole number of at least 1/],
  ['half a concurrency', { concurrency: 1.5 }, /concurrency is 1\.5/],
  ['no attempts', { retry: { attempts: 0 } }, /retry\.attempts is 0/],
  ['an unknown part of retry', { retry: { attempt: 3 } }, /no option "retry\.attempt"; it has attempts, backoff/],
  ['no backoff', { retry: { backoff: [] } }, /retry\.backoff is a list of at least one duration/],
  ['a backoff that is no list', { retry: { backoff: '1s' } }, /retry\.backoff is a list of at least one duration/],
  [
    'a backoff that is no duration',
    { retry: { backoff: ['1s', 'soon'] } },
    /retry\.backoff\[1\] is "soon"/,
    'JP_DURATION_INVALID',
  ],
  ['a timeout that is no duration', { timeout: 'soon' }, /timeout is "soon"/, 'JP_DURATION_INVALID'],
  ['no time at all', { timeout: '0s' }, /handle: timeout is 0, which leaves no time/],
  ['a timeout without a unit', { timeout: 5 }, /handle: timeout is 5, a number without a unit/, 'JP_DURATION_INVALID'],
  [
    'a start without a unit',
    { from: { since: 5 } },
    /handle: from\.since is 5, a number without a unit/,
    'JP_DURATION_INVALID',
  ],
  [
    'a backoff without a unit',
    { retry: { backoff: ['1s', 5] } },
    /handle: retry\.backoff\[1\] is 5, a number without a unit/,
    'JP_DURATION_INVALID',
  ],
  [
    'a batch that waits without a unit',
    { batch: { size: 2, wait: 5 } },
    /handle: batch\.wait is 5, a number without a unit/,
    'JP_DURATION_INVALID',
  ],
  ['an unknown start', { from: 'yesterday' }, /from is "yesterday"; it is 'new', 'beginning'/],
  ['a start at sequence 0', { from: { sequence: 0 } }, /from is \{"sequence":0\}/],
  ['a start since no duration', { from: { since: 'long ago' } }, /from\.since is "long ago"/, 'JP_DURATION_INVALID'],
  ['a durable with a dot', { durable: 'a.b' }, /durable name "a\.b"/, 'JP_PLUGIN_NAME_INVALID'],
  ['an empty durable', { durable: '' }, /durable name ""/, 'JP_PLUGIN_NAME_INVALID'],
  ['a key and batches', { key: 'n', batch: { size: 2 } }, /takes one of them/],
  ['a key that is no name', { key: '' }, /handle: key is ""; it is the name of a field/],
  ['a key that is a function', { key: () => 'n' }, /handle: key is a function; it is the name of a field/],
  ['a key that the event does not have', { key: 'm' }, /handle: key is m; the fields of the event are n/],
  ['a batch without a size', { batch: {} }, /handle: batch\.size is undefined/],
  ['a batch of none', { batch: { size: 0 } }, /handle: batch\.size is 0/],
  [
    'a batch that waits for no length of time',
    { batch: { size: 2, wait: 'soon' } },
    /handle: batch\.wait is "soon"/,
    'JP_DURATION_INVALID',
  ],
  ['an unknown option of a batch', { batch: { size: 2, max: 3 } }, /no option "batch\.max"/],
  ['a durable that is too long', { durable: 'x'.repeat(65) }, /durable name/, 'JP_PLUGIN_NAME_INVALID'],
])('refuses %s', (_what, options, says, code = 'JP_HANDLER_OPTIONS') => {
  expect(problems(handlerWith(Happened, options as SubscribeOptions))).toMatchObject([
    { code, message: expect.stringMatching(says) as string, plugin: 'one', file: FILE },
  ]);
});

test('a handler may take events by key, or in batches that wait for a second', () => {
  expect(described(handlerWith(Happened, { key: 'n' })).handlers[0]).toMatchObject({ key: 'n', batch: undefined });
  expect(described(handlerWith(Happened, { batch: { size: 5 } })).handlers[0]).toMatchObject({
    key: undefined,
    batch: { size: 5, waitMs: 1_000 },
  });
});

test.each(['', 'a b', 'a..b', '>.a', 'a\r\nb'])('refuses the subject %j', (subject) => {
  expect(problems(handlerWith(subject))).toMatchObject([
    {
      code: 'JP_SUBJECT_INVALID',
      message: expect.stringContaining(
        `subscribes to ${JSON.stringify(subject)}, which is not a valid subject`,
      ) as string,
    },
  ]);
});

test.each(['Badge', 'a.b', 'a b', '-a', 'a-', '', 'é', 'x'.repeat(65)])('refuses the plugin name %j', (name) => {
  @Plugin({ name })
  class Named {
    @Subscribe(Happened, { durable: 'd' }) handle() {}
  }
  expect(problems(Named)).toMatchObject([
    { code: 'JP_PLUGIN_NAME_INVALID', message: expect.stringContaining(JSON.stringify(name)) as string },
  ]);
});

test('a plugin without a handler is refused', () => {
  @Plugin()
  class Idle {
    handle() {}
  }
  expect(problems(Idle, configOf(), '\n\nclass Idle {}')).toMatchObject([
    { code: 'JP_PLUGIN_NO_HANDLER', plugin: 'idle', file: FILE, line: 3 },
  ]);
});

test('two handlers of a plugin with the same durable are refused at the line of the second', () => {
  @Plugin()
  class Twice {
    @Subscribe(Happened, { durable: 'd' }) one() {}
    @Subscribe(Other, { durable: 'd' }) two() {}
  }
  const source = 'class Twice {\n  @Subscribe() one(e) {}\n  @Subscribe() two(e) {}\n}';
  expect(problems(Twice, configOf(), source)).toMatchObject([
    { code: 'JP_PLUGIN_DUPLICATE_DURABLE', line: 3, message: 'one and two both have the durable d' },
  ]);
});

test('a renamed handler keeps its name and its durable, which no other handler may have', () => {
  @Plugin()
  class Renamed {
    @Subscribe(Happened, { renamedFrom: 'takeOne' }) take() {}
  }
  expect(described(Renamed).handlers).toMatchObject([
    { method: 'take', name: 'take-one', durable: 'renamed-take-one' },
  ]);
  @Plugin()
  class Both {
    @Subscribe(Happened) one() {}
    @Subscribe(Other, { renamedFrom: 'one', durable: 'd' }) two() {}
  }
  const source = 'class Both {\n  @Subscribe() one(e) {}\n  @Subscribe() two(e) {}\n}';
  expect(problems(Both, configOf(), source)).toMatchObject([
    { code: 'JP_HANDLER_OPTIONS', line: 3, message: 'one and two both have the name one' },
  ]);
  @Plugin()
  class Wrong {
    @Subscribe(Happened, { renamedFrom: 1 as never }) one() {}
  }
  expect(problems(Wrong, configOf())).toMatchObject([{ code: 'JP_HANDLER_OPTIONS' }]);
});

test('all problems are reported together, each at its line', () => {
  @Plugin({ name: 'Bad Name' })
  class Wrong {
    constructor(readonly shape: Shape) {}
    @SubscribeAny() lost(_event: Shape) {}
    @Subscribe(Happened, { concurrency: 0 }) none() {}
  }
  const source = 'class Wrong {\n  constructor(shape) {}\n  @Subscribe() lost(e) {}\n  @Subscribe() none() {}\n}';
  expect(problems(Wrong, configOf(), source).map(({ code, line, plugin }) => [code, line, plugin])).toEqual([
    ['JP_PLUGIN_NAME_INVALID', 1, 'Bad Name'],
    ['JP_INJECT_INTERFACE', 2, 'Bad Name'],
    ['JP_HANDLER_NO_EVENT', 3, 'Bad Name'],
    ['JP_HANDLER_OPTIONS', 4, 'Bad Name'],
  ]);
});
