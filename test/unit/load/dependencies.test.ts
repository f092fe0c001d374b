import { Clock, EventBus, Logger, Plugin, Settings, Store } from 'jetplug/sdk';
import { delay, inject, injectable, Lifecycle, scoped, singleton } from 'tsyringe';
import { injectedOf, inspectDependencies, servicesOf } from '../../../host/load/dependencies';
import type { PluginClass } from '../../../sdk/internal';
import type { Delivery as TypeOnly } from '../../../host/broker/delivery';
import type { HandlerCounters as ClassByTypeOnly } from '../../../host/message/counters';

interface Mailer {
  send(): void;
}
const MAILER = Symbol('mailer');

/** The code and message of each problem. */
function wrong(cls: unknown): string[] {
  return inspectDependencies(cls as PluginClass).map(({ code, message }) => `${code}: ${message}`);
}

@injectable()
class Helper {
  constructor(readonly store: Store<number>) {}
}

test('constructor parameters of the host’s services, and of classes that can be built from them, are accepted', () => {
  class Plain {}
  @Plugin()
  class All {
    constructor(
      readonly bus: EventBus,
      readonly store: Store<number>,
      readonly log: Logger,
      readonly settings: Settings<object>,
      readonly clock: Clock,
      readonly helper: Helper,
      readonly plain: Plain,
    ) {}
  }
  expect(wrong(All)).toEqual([]);
  expect([...servicesOf(All as PluginClass)]).toEqual(['bus', 'store', 'logger', 'settings', 'clock']);
});

test('a plugin without a constructor asks for nothing', () => {
  @Plugin()
  class Nothing {}
  expect(wrong(Nothing)).toEqual([]);
  expect(servicesOf(Nothing).size).toBe(0);
});

test('only the services that the plugin or its dependencies ask for are provided', () => {
  @injectable()
  class Outer {
    constructor(readonly helper: Helper) {}
  }
  @Plugin()
  class Deep {
    constructor(readonly outer: Outer) {}
  }
  expect([...servicesOf(Deep as PluginClass).values()]).toEqual(['store']);
});

test('parameters whose type is lost at run time are named by position and name, with the type that remains', () => {
  @Plugin()
  class Lost {
    constructor(
      readonly mailer: Mailer,
      readonly store: Store<number>,
      readonly either: Store | Logger,
      readonly delivery: TypeOnly,
      readonly counters: ClassByTypeOnly,
      readonly name: string,
      readonly list: Helper[],
      readonly call: () => void,
    ) {}
  }
  const gone = (index: number, name: string, left: string) =>
    `JP_INJECT_INTERFACE: Lost’s constructor parameter ${index} (${name}) has a type that is gone at run time (at run time it is ${left})`;
  expect(wrong(Lost)).toEqual([
    gone(1, 'mailer', 'Object'),
    gone(3, 'either', 'Object'),
    gone(4, 'delivery', 'Object'),
    gone(5, 'counters', 'Object'),
    gone(6, 'name', 'String'),
    gone(7, 'list', 'Array'),
    gone(8, 'call', 'Function'),
  ]);
});

test('a lost type of a dependency’s constructor is named with the dependency', () => {
  @injectable()
  class Outer {
    constructor(readonly mailer: Mailer) {}
  }
  @Plugin()
  class Deep {
    constructor(readonly outer: Outer) {}
  }
  expect(wrong(Deep)).toEqual([expect.stringContaining('Outer’s constructor parameter 1 (mailer)')]);
});

test('a parameter with @inject needs no type at run time', () => {
  @Plugin()
  class Asking {
    constructor(@inject(MAILER) readonly mailer: Mailer) {}
  }
  expect(wrong(Asking)).toEqual([]);
});

test('a class named by @inject is checked like a class named by the parameter’s type', () => {
  @injectable()
  class Broken {
    constructor(readonly mailer: Mailer) {}
  }
  @Plugin()
  class Asking {
    constructor(
      @inject(Helper) readonly helper: Mailer,
      @inject(Store as never) readonly store: Mailer,
      @inject(Broken) readonly broken: Mailer,
    ) {}
  }
  expect([...servicesOf(Asking as PluginClass)]).toEqual(['store']);
  expect(wrong(Asking)).toEqual([expect.stringContaining('Broken’s constructor parameter 1 (mailer)')]);
});

test('a dependency that is not decorated but has parameters is named', () => {
  class Bare {
    constructor(readonly store: Store) {}
  }
  @Plugin()
  class Asking {
    constructor(readonly bare: Bare) {}
  }
  expect(wrong(Asking)).toEqual(['JP_INJECT_UNDECORATED: Bare has constructor parameters but no @injectable()']);
});

test('a built-in class that takes parameters is named as well', () => {
  @Plugin()
  class Asking {
    constructor(readonly date: Date) {}
  }
  expect(wrong(Asking)).toEqual([expect.stringMatching(/^JP_INJECT_/)]);
});

test('a singleton is refused, for it would be shared by all plugins', () => {
  @singleton()
  class Shared {}
  @Plugin()
  class Asking {
    constructor(readonly shared: Shared) {}
  }
  expect(wrong(Asking)).toEqual([
    'JP_INJECT_SINGLETON: Asking’s constructor parameter 1 (shared) is Shared, a @singleton() class',
  ]);
});

test('a class with one instance for each plugin, as the hint for singletons advises, is accepted', () => {
  @scoped(Lifecycle.ContainerScoped)
  class Own {
    constructor(readonly store: Store) {}
  }
  @Plugin()
  class Asking {
    constructor(readonly own: Own) {}
  }
  expect(wrong(Asking)).toEqual([]);
});

test('the check of classes that depend on each other ends', () => {
  @injectable()
  class One {
    constructor(@inject(delay(() => Two)) readonly two: unknown) {}
  }
  @injectable()
  class Two {
    constructor(readonly one: One) {}
  }
  @injectable()
  class Self {
    constructor(@inject(Self) readonly self: unknown) {}
  }
  @Plugin()
  class Asking {
    constructor(
      readonly two: Two,
      readonly self: Self,
    ) {}
  }
  expect(wrong(Asking)).toEqual([]);
});

test('the source of each constructor argument is described parameter by parameter', () => {
  @scoped(Lifecycle.ContainerScoped)
  class Tally {}
  @Plugin()
  class Asks {
    constructor(
      readonly counts: Store<number>,
      readonly bus: EventBus,
      @inject(MAILER) readonly mailer: Mailer,
      readonly helper: Helper,
      readonly tally: Tally,
    ) {}
  }
  expect(injectedOf(Asks as PluginClass)).toEqual([
    { index: 0, name: 'counts', type: 'Store', service: 'store' },
    { index: 1, name: 'bus', type: 'EventBus', service: 'bus' },
    { index: 2, name: 'mailer', type: 'Symbol(mailer)', own: 'by its token' },
    { index: 3, name: 'helper', type: 'Helper', own: 'a new one' },
    { index: 4, name: 'tally', type: 'Tally', own: 'one for the plugin' },
  ]);
  @Plugin()
  class AsksNothing {}
  expect(injectedOf(AsksNothing)).toEqual([]);
});
