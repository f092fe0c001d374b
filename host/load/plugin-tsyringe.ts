import * as tsyringe from 'tsyringe';
import type { DependencyContainer, InjectionToken, Lifecycle, RegistrationOptions } from 'tsyringe';
import { internalsOf } from './container-registry';

type AnyClass = new (...args: unknown[]) => object;
type NewRegistration = { token: InjectionToken; options?: RegistrationOptions } & Record<string, unknown>;

/** Classes that a plugin decorated with `@singleton()`. */
const singletons = new WeakSet<object>();

/**
 * The `tsyringe` that one plugin imports: `container` is the plugin's own, and the decorators register there. So two
 * plugins with the same token do not see each other's registrations, and no registration outlives its plugin.
 */
export function tsyringeFor(own: DependencyContainer): object {
  return { ...tsyringe, __esModule: true, container: own, ...decoratorsFor(own) };
}

/** Whether `@singleton()` was used on a class that a plugin's own modules define. */
export function isOwnSingleton(cls: unknown): boolean {
  return typeof cls === 'function' && singletons.has(cls);
}

/** The decorators of tsyringe that would use its global container. */
function decoratorsFor(own: DependencyContainer): object {
  return {
    registry:
      (registrations: NewRegistration[] = []) =>
      <T>(target: T): T => {
        for (const { token, options, ...provider } of registrations) own.register(token, provider as never, options);
        return target;
      },
    injectable:
      ({ token }: { token?: InjectionToken | InjectionToken[] } = {}) =>
      (target: AnyClass): void => {
        tsyringe.injectable()(target);
        for (const one of token === undefined ? [] : [token].flat()) own.register(one, target);
      },
    scoped:
      (lifecycle: Lifecycle.ContainerScoped | Lifecycle.ResolutionScoped, token?: InjectionToken) =>
      (target: AnyClass): void => {
        tsyringe.injectable()(target);
        own.register(token ?? target, target, { lifecycle });
      },
    singleton: () => (target: AnyClass) => {
      tsyringe.injectable()(target);
      own.registerSingleton(target);
      singletons.add(target);
    },
    autoInjectable: () => (target: AnyClass) => autoInjected(target, own),
  };
}

/** A class whose constructor resolves missing arguments from the plugin's container. */
function autoInjected(target: AnyClass, own: DependencyContainer): AnyClass {
  const parameters = (Reflect.getMetadata('design:paramtypes', target) ?? []) as unknown[];
  const tokens = (Reflect.getOwnMetadata('injectionTokens', target) ?? {}) as Record<number, unknown>;
  const wanted = parameters.map((type, index) => tokens[index] ?? type);
  return class extends target {
    constructor(...args: unknown[]) {
      const resolve = internalsOf(own).resolveParams(undefined, target);
      super(...args, ...wanted.slice(args.length).map((parameter, index) => resolve(parameter, args.length + index)));
    }
  };
}
