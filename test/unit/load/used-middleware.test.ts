import { Plugin, Store, Subscribe, Use, defineEvent, type MiddlewareFunction } from 'jetplug/sdk';
import { z } from 'zod';
import { describe as describePlugin } from '../../../host/load/describe';
import { asCompiled, configOf, type AnyPluginClass } from '../../../host/testing/options';
import { errorsIn } from '../../../host/base/plain-error';

class Happened extends defineEvent('a.happened', z.object({ n: z.number() })) {}

const outer: MiddlewareFunction = async (_event, _context, next) => next();
const inner: MiddlewareFunction = async (_event, _context, next) => next();

class Guarded {
  constructor(readonly seen: Store<number>) {}
  async handle(_event: unknown, _context: unknown, next: () => Promise<void>) {
    await next();
  }
}
Reflect.defineMetadata('design:paramtypes', [Store], Guarded);

const described = (cls: AnyPluginClass, use: MiddlewareFunction[] = []) =>
  describePlugin(asCompiled(cls, use), configOf({}));
const namesOf = (cls: AnyPluginClass, use?: MiddlewareFunction[]) =>
  Object.fromEntries(described(cls, use).handlers.map(({ method, middleware }) => [method, middleware]));

function problemsOf(cls: AnyPluginClass): { code: string; message: string }[] {
  try {
    described(cls);
  } catch (error) {
    return errorsIn(error) as never;
  }
  throw new Error('there is no problem');
}

test('the middleware of the config is around that of the plugin, which is around that of the handler', () => {
  @Use(Guarded)
  @Plugin()
  class Layered {
    @Use(inner)
    @Subscribe(Happened)
    first() {}
    @Subscribe(Happened) second() {}
  }
  expect(namesOf(Layered, [outer])).toEqual({ first: ['outer', 'Guarded', 'inner'], second: ['outer', 'Guarded'] });
});

test('of several decorators, and of several arguments, the first is the outermost', () => {
  @Plugin()
  class Stacked {
    @Use(outer, Guarded)
    @Use(inner)
    @Subscribe(Happened)
    award() {}
  }
  expect(namesOf(Stacked)).toEqual({ award: ['outer', 'Guarded', 'inner'] });
});

test('a subclass keeps the middleware of its parent, and replaces that of a method it decorates', () => {
  @Use(outer)
  class Parent {
    @Use(inner)
    @Subscribe(Happened)
    kept() {}
    @Use(inner)
    @Subscribe(Happened)
    replaced() {}
  }
  @Use(inner)
  @Plugin()
  class Child extends Parent {
    @Use(Guarded)
    override replaced() {}
  }
  expect(namesOf(Child)).toEqual({ kept: ['outer', 'inner', 'inner'], replaced: ['outer', 'inner', 'Guarded'] });
});

test('a service that only a middleware injects counts as a service of the plugin', () => {
  @Use(Guarded)
  @Plugin()
  class Plain {
    @Subscribe(Happened) award() {}
  }
  expect(described(Plain).services).toEqual(['store']);
});

test('the dependencies of a middleware are checked, once for the plugin', () => {
  class Undecorated {
    constructor(readonly seen: Store) {}
    handle() {}
  }
  @Use(Undecorated)
  @Plugin()
  class Asking {
    @Subscribe(Happened) first() {}
    @Subscribe(Happened) second() {}
  }
  expect(problemsOf(Asking)).toMatchObject([
    { code: 'JP_INJECT_UNDECORATED', message: 'Undecorated has constructor parameters but no @injectable()' },
  ]);
});

test('a value that is no middleware is refused, by its argument and place', () => {
  class NoHandle {}
  @Use(undefined as never)
  @Plugin()
  class Wrong {
    @Use(outer, NoHandle as never, function* generated() {} as never)
    @Subscribe(Happened)
    award() {}
  }
  expect(problemsOf(Wrong).map(({ code, message }) => `${code} ${message}`)).toEqual([
    'JP_MIDDLEWARE_INVALID argument 1 of @Use on Wrong is undefined, which is no middleware',
    'JP_MIDDLEWARE_INVALID argument 2 of @Use on Wrong.award is the class NoHandle without a method handle, which is no middleware',
    'JP_MIDDLEWARE_INVALID argument 3 of @Use on Wrong.award is the generator generated, which is no middleware',
  ]);
});

test('@Use on a method that is no handler, or is static, is refused', () => {
  @Plugin()
  class Idle {
    @Subscribe(Happened) award() {}
    @Use(outer) helper() {}
    @Use(outer) static shared() {}
  }
  expect(problemsOf(Idle).map(({ message }) => message)).toEqual([
    '@Use decorates Idle.shared, which is no handler, so it would never run',
    '@Use decorates Idle.helper, which is no handler, so it would never run',
  ]);
});

test('@Use on a member whose name is a symbol is refused', () => {
  const key: string = Symbol('key') as never;
  @Plugin()
  class Symbolic {
    @Subscribe(Happened) award() {}
    @Use(outer) [key]() {}
  }
  expect(problemsOf(Symbolic)).toMatchObject([{ code: 'JP_MIDDLEWARE_INVALID' }]);
});
