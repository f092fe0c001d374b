import { createRequire } from 'node:module';
import { container } from 'tsyringe';
import type { PluginClass } from '../../sdk/internal';

/**
 * The maps in which tsyringe keeps each decorated class for ever. The maps are not public, and tsyringe has no way to
 * forget a class.
 */
const { typeInfo } = createRequire(__filename)('tsyringe/dist/cjs/dependency-container') as {
  typeInfo: Map<object, unknown>;
};
const { _registryMap: registered } = (container as unknown as { _registry: { _registryMap: Map<unknown, unknown> } })
  ._registry;

/** Classes that must not be forgotten: those of packages, which all plugins share, and those that a test holds. */
const shared = new WeakSet<object>();

/** Loads modules, and returns the classes that they registered with tsyringe and that no other plugin uses. */
export function noteClasses<T>(load: () => T): { readonly loaded: T; readonly classes: readonly object[] } {
  const before = typeInfo.size;
  const added = (): object[] => knownSince(before).filter((cls) => !shared.has(cls));
  try {
    return { loaded: load(), classes: added() };
  } catch (error) {
    forgetClasses(added());
    throw error;
  }
}

/** Loads a package, whose classes are never forgotten. */
export function loadShared<T>(load: () => T): T {
  const before = typeInfo.size;
  const loaded = load();
  for (const cls of knownSince(before)) shared.add(cls);
  return loaded;
}

/**
 * Returns the classes after the first `count`. A Map keeps its order, and no class is forgotten while a module loads.
 */
function knownSince(count: number): object[] {
  return typeInfo.size === count ? [] : [...typeInfo.keys()].slice(count);
}

/** Keeps classes that others hold, such as a test, from being forgotten. */
export function keepClasses(classes: readonly object[]): void {
  for (const cls of classes) shared.add(cls);
}

/**
 * Removes the classes of a version that has ended from tsyringe, which would otherwise keep the classes and the objects
 * that they hold.
 */
export function forgetClasses(classes: readonly (object | PluginClass)[]): void {
  for (const cls of classes) {
    if (shared.has(cls)) continue;
    typeInfo.delete(cls);
    registered.delete(cls);
  }
}
