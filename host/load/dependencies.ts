import { container as globalContainer, Lifecycle, type DependencyContainer } from 'tsyringe';
import { JetplugError, parameterTypes, tokenOf, type PluginClass, type TokenName } from '../../sdk/internal';
import { CircularType } from './circular-import';
import { keepsInstance, ownRegistrationsOf, type Registration } from './container-registry';
import { registrationsOf } from './plugin-container';
import { isOwnSingleton } from './plugin-tsyringe';

/**
 * Everything that is wrong with what a class and its dependencies ask for, found without building any of it.
 * @param container the plugin's, which knows what its tokens and abstract classes stand for
 */
export function inspectDependencies(cls: PluginClass, container = globalContainer): JetplugError[] {
  const problems: JetplugError[] = [];
  const owners = classesOf(cls, container);
  for (const { owner, index, type, isTold } of owners.flatMap(parametersOf)) {
    const name = nameOf(owner, index);
    const parameter = `${owner.name}’s constructor parameter ${index + 1}${name ? ` (${name})` : ''}`;
    // A token, a list or `delay` says by itself what it stands for.
    if (isTold && typeof type !== 'function') continue;
    if (type instanceof CircularType) {
      const message = `${parameter} is ${type.name}, which is not defined yet: a circular import, ${type.chain}`;
      problems.push(new JetplugError('JP_PLUGIN_CIRCULAR_IMPORT', message));
    } else if (type === undefined || PRIMITIVES.has(type)) {
      const seen = type === undefined ? 'nothing' : (type as { name: string }).name;
      problems.push(
        new JetplugError('JP_INJECT_INTERFACE', `${parameter} has a type that is gone at run time (left: ${seen})`),
      );
    } else if (tokenOf(type) === undefined && isShared(type)) {
      problems.push(
        new JetplugError('JP_INJECT_SINGLETON', `${parameter} is ${(type as PluginClass).name}, a @singleton() class`),
      );
    }
  }
  for (const owner of owners) {
    if (owner.length === 0 || parameterTypes(owner)) continue;
    problems.push(
      new JetplugError('JP_INJECT_UNDECORATED', `${owner.name} has constructor parameters but no @injectable()`),
    );
  }
  return problems;
}

/** Which of the host's services the class or its dependencies ask for, as far as that shows before they are built. */
export function servicesOf(cls: PluginClass, container = globalContainer): Set<TokenName> {
  const asked = classesOf(cls, container).flatMap(parametersOf);
  return new Set(asked.map(({ type }) => tokenOf(type)).filter((name) => name !== undefined));
}

/** A constructor parameter, and what it is given. */
export interface Injected {
  /** From 0. */
  readonly index: number;
  /** As it is called in the source; absent where it is taken apart there. */
  readonly name?: string;
  /** The class, or the token of `@inject`, that it asks by. */
  readonly type: string;
  /** Which of the host's services it is; absent where it is of the author's own. */
  readonly service?: TokenName;
  /** Of the author's own: one instance for the plugin, a new one for each that asks, or whatever the token stands for. */
  readonly own?: OwnKind;
}

type OwnKind = 'one for the plugin' | 'a new one' | 'by its token';

/** What the constructor of a class is given, parameter by parameter. */
export function injectedOf(cls: PluginClass, container = globalContainer): Injected[] {
  return parametersOf(cls).map(({ index, type }) => {
    const name = nameOf(cls, index);
    const service = tokenOf(type);
    return {
      index,
      ...(name === undefined ? {} : { name }),
      type: typeof type === 'function' || type instanceof CircularType ? type.name : String(type),
      ...(service ? { service } : { own: ownKind(type, container) }),
    };
  });
}

function ownKind(type: unknown, container: DependencyContainer): OwnKind {
  if (typeof type !== 'function') return 'by its token';
  return registrationsOf(container, type).some(keepsInstance) ? 'one for the plugin' : 'a new one';
}

interface Parameter {
  readonly owner: PluginClass;
  readonly index: number;
  readonly type: unknown;
  /** Whether `@inject` names it. */
  readonly isTold: boolean;
}

function parametersOf(owner: PluginClass): Parameter[] {
  // A descriptor of `@inject`, or the class or token itself, by the parameter's index.
  const told = (Reflect.getOwnMetadata('injectionTokens', owner) ?? {}) as Record<number, { token: unknown }>;
  return (parameterTypes(owner) ?? []).map((left, index) => {
    const isTold = told[index] !== undefined;
    return { owner, index, type: isTold ? told[index]!.token : left, isTold };
  });
}

/** Marked by the decorator, in the plugin's modules or in a package's: a registration by hand stays with the plugin. */
function isShared(type: unknown): boolean {
  const ofPackage = ownRegistrationsOf(globalContainer, type) ?? [];
  const isSingleton = ({ options, provider }: Registration): boolean =>
    options.lifecycle === Lifecycle.Singleton && provider.useClass === type;
  return isOwnSingleton(type) || ofPackage.some(isSingleton);
}

/** The class and all classes that it depends on, but the host's services and what factories build. */
export function classesOf(cls: PluginClass, container = globalContainer): PluginClass[] {
  const all = new Set<PluginClass>([cls]);
  // A Set hands out what is added while it is walked.
  for (const owner of all) {
    for (const { type } of parametersOf(owner)) for (const one of builtFor(type, container)) all.add(one);
  }
  return [...all];
}

/** The classes that the container builds for a token, as far as its registrations say so. */
function builtFor(token: unknown, container: DependencyContainer, seen = new Set<unknown>()): PluginClass[] {
  const asked = isDelayed(token) ? delayedClass(token) : token;
  if (asked === undefined || seen.has(asked) || PRIMITIVES.has(asked)) return [];
  seen.add(asked);
  const registrations = registrationsOf(container, asked);
  if (registrations.length === 0) {
    return typeof asked === 'function' && tokenOf(asked) === undefined ? [asked as PluginClass] : [];
  }
  return registrations.flatMap(({ provider: { useClass, useToken } }) => {
    // A class that is registered under itself would be asked for again.
    if (useClass !== undefined)
      return useClass === asked ? [asked as PluginClass] : builtFor(useClass, container, seen);
    return useToken === undefined ? [] : builtFor(useToken, container, seen);
  });
}

/** What `delay` makes. */
function isDelayed(token: unknown): token is { wrap(): unknown } {
  return typeof token === 'object' && token !== null && typeof (token as { wrap?: unknown }).wrap === 'function';
}

/** Every module is loaded by now, so that the author's function knows its class. */
function delayedClass(token: { wrap(): unknown }): unknown {
  try {
    return token.wrap();
  } catch {
    return undefined; // it throws again, with its place, when the class is built
  }
}

/** What the compiler leaves for a type that is not a class. */
const PRIMITIVES: ReadonlySet<unknown> = new Set([
  Object,
  Function,
  Array,
  String,
  Number,
  Boolean,
  Symbol,
  BigInt,
  Promise,
]);

/** As the source calls it; nothing where the parameter is taken apart, or the class has no constructor of its own. */
function nameOf(owner: PluginClass, index: number): string | undefined {
  const list = /\bconstructor\s*\(([^)]*)\)/.exec(Function.prototype.toString.call(owner))?.[1];
  const parameter = list?.split(',')[index]?.trim();
  return parameter === undefined ? undefined : /^[\p{L}_$][\p{L}\p{N}_$]*/u.exec(parameter)?.[0];
}
