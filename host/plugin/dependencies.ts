import { container } from 'tsyringe';
import { JetplugError, parameterTypes, tokenOf, type PluginClass, type TokenName } from '../../sdk/internal';

/** Everything that is wrong with what a class and its dependencies ask for, found without building any of it. */
export function inspectDependencies(cls: PluginClass): JetplugError[] {
  const problems: JetplugError[] = [];
  for (const { owner, index, type } of parameters(cls)) {
    const parameter = `${owner.name}’s constructor parameter ${index + 1}${nameOf(owner, index)}`;
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
  const told = (Reflect.getOwnMetadata('injectionTokens', owner) ?? {}) as Record<number, { token: unknown }>;
  return (parameterTypes(owner) ?? [])
    .map((type, index) => ({ owner, index, type: told[index] ? told[index].token : type }))
    .filter(({ index, type }) => !told[index] || typeof type === 'function');
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

function nameOf(owner: PluginClass, index: number): string {
  const list = /\bconstructor\s*\(([^)]*)\)/.exec(Function.prototype.toString.call(owner))?.[1];
  const name = list
    ?.split(',')
    [index]?.trim()
    .split(/[\s=:]/)[0];
  return name ? ` (${name})` : '';
}
