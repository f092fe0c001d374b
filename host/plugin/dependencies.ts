import { container, type DependencyContainer } from 'tsyringe';
import { JetplugError, parameterTypes, tokenOf, type PluginClass, type TokenName } from '../../sdk/internal';

/** Everything that is wrong with what a class and its dependencies ask for, found without building any of it. */
export function inspectDependencies(cls: PluginClass): JetplugError[] {
  const problems: JetplugError[] = [];
  for (const { owner, index, type } of parameters(cls)) {
    const name = nameOf(owner, index);
    const parameter = `${owner.name}’s constructor parameter ${index + 1}${name ? ` (${name})` : ''}`;
    if (type === undefined || PRIMITIVES.has(type)) {
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
  for (const owner of classesOf(cls)) {
    if (owner.length === 0 || parameterTypes(owner)) continue;
    problems.push(
      new JetplugError('JP_INJECT_UNDECORATED', `${owner.name} has constructor parameters but no @injectable()`),
    );
  }
  return problems;
}

/** Each of the host's services that the class or its dependencies name, by the very class they name it with. */
export function servicesOf(cls: PluginClass): Map<unknown, TokenName> {
  const services = new Map<unknown, TokenName>();
  for (const { type } of parameters(cls)) {
    const token = tokenOf(type);
    if (token) services.set(type, token);
  }
  return services;
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
export function injectedOf(cls: PluginClass): Injected[] {
  const told = tokensOf(cls);
  const scoped = container.createChildContainer();
  return (parameterTypes(cls) ?? []).map((left, index) => {
    const type = told[index] ? told[index].token : left;
    const name = nameOf(cls, index);
    const service = tokenOf(type);
    return {
      index,
      ...(name === undefined ? {} : { name }),
      type: typeof type === 'function' ? type.name : String(type),
      ...(service ? { service } : { own: ownKind(type, scoped) }),
    };
  });
}

function ownKind(type: unknown, scoped: DependencyContainer): OwnKind {
  if (typeof type !== 'function') return 'by its token';
  return scoped.isRegistered(type as never) ? 'one for the plugin' : 'a new one';
}

interface Parameter {
  readonly owner: PluginClass;
  readonly index: number;
  readonly type: unknown;
}

/** The constructor parameters of the class and of all it depends on, but those that name no class with `@inject`. */
function parameters(cls: PluginClass): Parameter[] {
  return classesOf(cls).flatMap((owner) => own(owner));
}

function own(owner: PluginClass): Parameter[] {
  const told = tokensOf(owner);
  return (parameterTypes(owner) ?? [])
    .map((type, index) => ({ owner, index, type: told[index] ? told[index].token : type }))
    .filter(({ index, type }) => !told[index] || typeof type === 'function');
}

/** What `@inject` names, by the parameter's index. */
function tokensOf(owner: PluginClass): Record<number, { token: unknown }> {
  return (Reflect.getOwnMetadata('injectionTokens', owner) ?? {}) as Record<number, { token: unknown }>;
}

/** Registered for all plugins alike; a class that is scoped to containers is registered in each child anew. */
function isShared(type: unknown): boolean {
  return container.isRegistered(type as never) && !container.createChildContainer().isRegistered(type as never);
}

/** The class and all classes that it depends on, but the host's services. */
export function classesOf(cls: PluginClass): PluginClass[] {
  const all = new Set<PluginClass>([cls]);
  // A Set hands out what is added while it is walked.
  for (const owner of all) {
    for (const { type } of own(owner)) {
      if (typeof type === 'function' && !PRIMITIVES.has(type) && tokenOf(type) === undefined)
        all.add(type as PluginClass);
    }
  }
  return [...all];
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
