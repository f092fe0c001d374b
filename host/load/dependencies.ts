import { container as globalContainer, Lifecycle, type DependencyContainer } from 'tsyringe';
import { JetplugError, parameterTypes, type PluginClass } from '../../sdk/internal';
import { CircularType } from './circular-import';
import { keepsInstance, ownRegistrationsOf, type Registration } from './container-registry';
import { isProvided, registrationsOf } from './plugin-container';
import { isOwnSingleton } from './plugin-tsyringe';
import { tokenOf, type TokenName } from './injectables';
import { ClassSyntax } from './syntax';

/**
 * Finds all problems of the constructor parameters of a class and of its dependencies, without building an instance.
 * @param container the plugin's, which resolves its tokens and abstract classes
 * @param sources the plugin's, in which a lost type is looked up
 */
export function inspectDependencies(
  cls: PluginClass,
  container = globalContainer,
  sources: ReadonlyMap<string, string> = new Map(),
): JetplugError[] {
  const problems: JetplugError[] = [];
  const owners = classesOf(cls, container);
  for (const { owner, index, type, isNamed } of owners.flatMap(parametersOf)) {
    const name = nameOf(owner, index);
    const parameter = `${owner.name}’s constructor parameter ${index + 1}${name ? ` (${name})` : ''}`;
    // A token, a list or `delay` does not depend on the parameter's type.
    if (isNamed && typeof type !== 'function') continue;
    if (type instanceof CircularType) {
      const message = `${parameter} is ${type.name}, which is not defined yet: a circular import, ${type.chain}`;
      problems.push(new JetplugError('JP_PLUGIN_CIRCULAR_IMPORT', message));
    } else if (type === undefined || PRIMITIVES.has(type)) {
      problems.push(lostType(parameter, type, ClassSyntax.find(sources, owner.name), index));
    } else if (tokenOf(type) === undefined && isShared(type) && !isProvided(container, type)) {
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

/** The error for a parameter whose type names no class at run time, at the parameter's line if the source is known. */
function lostType(parameter: string, type: unknown, syntax: ClassSyntax | undefined, index: number): JetplugError {
  const written = syntax?.parameters()[index];
  const place = syntax && written ? { file: syntax.file, line: written.line } : {};
  const importedAt = written?.typeName === undefined ? undefined : syntax!.typeImportOf(written.typeName);
  if (importedAt !== undefined) {
    const message = `${parameter} is ${written!.typeName}, which line ${importedAt} imports with \`type\``;
    const hint = `If ${written!.typeName} is a class, remove \`type\` from its import. Otherwise add @inject(TOKEN) to the parameter.`;
    return new JetplugError('JP_INJECT_INTERFACE', message, { ...place, hint });
  }
  const seen = type === undefined ? 'nothing' : (type as { name: string }).name;
  const message = `${parameter} has a type that is gone at run time (at run time it is ${seen})`;
  return new JetplugError('JP_INJECT_INTERFACE', message, place);
}

/** The host's services that the class and its dependencies inject, as far as is known before they are built. */
export function servicesOf(cls: PluginClass, container = globalContainer): Set<TokenName> {
  const asked = classesOf(cls, container).flatMap(parametersOf);
  return new Set(asked.map(({ type }) => tokenOf(type)).filter((name) => name !== undefined));
}

/** A constructor parameter and the value that it gets. */
export interface Injected {
  /** The parameter's index, from 0. */
  readonly index: number;
  /** The parameter's name in the source; absent if it is destructured. */
  readonly name?: string;
  /** The class, or the token of `@inject`, in words. */
  readonly type: string;
  /** The host's service that it gets; absent if it gets an object of the author's own. */
  readonly service?: TokenName;
  /**
   * For an object of the author's own: whether the plugin has one instance of it, or each use gets a new one, or the
   * token decides, or the providers of the folder have it.
   */
  readonly own?: OwnKind;
}

type OwnKind = 'one for the plugin' | 'a new one' | 'by its token' | 'shared by the folder';

/** The parameters of a class's constructor and the values that they get. */
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
  if (isProvided(container, type)) return 'shared by the folder';
  if (typeof type !== 'function') return 'by its token';
  return registrationsOf(container, type).some(keepsInstance) ? 'one for the plugin' : 'a new one';
}

interface Parameter {
  readonly owner: PluginClass;
  readonly index: number;
  readonly type: unknown;
  /** Whether `@inject` names the type. */
  readonly isNamed: boolean;
}

function parametersOf(owner: PluginClass): Parameter[] {
  // Each entry, by the parameter's index, is a descriptor of `@inject`, or the class or token itself.
  const tokens = (Reflect.getOwnMetadata('injectionTokens', owner) ?? {}) as Record<number, { token: unknown }>;
  return (parameterTypes(owner) ?? []).map((left, index) => {
    const isNamed = tokens[index] !== undefined;
    return { owner, index, type: isNamed ? tokens[index]!.token : left, isNamed };
  });
}

/**
 * Whether `@singleton()` marks a class of the plugin or of a package. A class that code registers as a singleton does
 * not count, because its instance stays in the plugin.
 */
function isShared(type: unknown): boolean {
  const ofPackage = ownRegistrationsOf(globalContainer, type) ?? [];
  const isSingleton = ({ options, provider }: Registration): boolean =>
    options.lifecycle === Lifecycle.Singleton && provider.useClass === type;
  return isOwnSingleton(type) || ofPackage.some(isSingleton);
}

/** The class and all its dependencies, without the host's services and the products of factories. */
export function classesOf(cls: PluginClass, container = globalContainer): PluginClass[] {
  const all = new Set<PluginClass>([cls]);
  // Iterating a Set also visits the members that are added meanwhile.
  for (const owner of all) {
    for (const { type } of parametersOf(owner)) for (const one of builtFor(type, container)) all.add(one);
  }
  return [...all];
}

/** The classes that the container builds for a token, as far as its registrations show. */
function builtFor(token: unknown, container: DependencyContainer, seen = new Set<unknown>()): PluginClass[] {
  const asked = isDelayed(token) ? delayedClass(token) : token;
  if (asked === undefined || seen.has(asked) || PRIMITIVES.has(asked)) return [];
  seen.add(asked);
  const registrations = registrationsOf(container, asked);
  if (registrations.length === 0) {
    return typeof asked === 'function' && tokenOf(asked) === undefined ? [asked as PluginClass] : [];
  }
  return registrations.flatMap(({ provider: { useClass, useToken } }) => {
    // A class may be registered under itself.
    if (useClass !== undefined)
      return useClass === asked ? [asked as PluginClass] : builtFor(useClass, container, seen);
    return useToken === undefined ? [] : builtFor(useToken, container, seen);
  });
}

/** Whether a token was made by tsyringe's `delay`. */
function isDelayed(token: unknown): token is { wrap(): unknown } {
  return typeof token === 'object' && token !== null && typeof (token as { wrap?: unknown }).wrap === 'function';
}

/** Returns the class that `delay` stands for. All modules are loaded by now, so the author's function can return it. */
function delayedClass(token: { wrap(): unknown }): unknown {
  try {
    return token.wrap();
  } catch {
    return undefined; // building the class throws the error again, with its place
  }
}

/** The values that the compiler emits in place of a type that is not a class. */
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

/** The parameter's name in the source; undefined if it is destructured, or if the class has no constructor of its own. */
function nameOf(owner: PluginClass, index: number): string | undefined {
  const list = /\bconstructor\s*\(([^)]*)\)/.exec(Function.prototype.toString.call(owner))?.[1];
  const parameter = list?.split(',')[index]?.trim();
  return parameter === undefined ? undefined : /^[\p{L}_$][\p{L}\p{N}_$]*/u.exec(parameter)?.[0];
}
