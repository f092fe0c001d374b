import { createRequire } from 'node:module';
import { container } from 'tsyringe';
import type { PluginClass } from '../../sdk/internal';

/** What tsyringe notes of each decorated class, for good: its maps are not public, and nothing else forgets. */
const { typeInfo } = createRequire(__filename)('tsyringe/dist/cjs/dependency-container') as {
  typeInfo: Map<object, unknown>;
};
const { _registryMap: registered } = (container as unknown as { _registry: { _registryMap: Map<unknown, unknown> } })
  ._registry;

/** Classes of packages, which all plugins share, and others that are not the host's to forget. */
const shared = new WeakSet<object>();

/** Loads modules and tells which classes they have made known to the container that are theirs alone. */
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

/** Loads a package: what it makes known stays known. */
export function loadShared<T>(load: () => T): T {
  const before = typeInfo.size;
  const loaded = load();
  for (const cls of knownSince(before)) shared.add(cls);
  return loaded;
}

/** What was made known since there were so many: a Map keeps the order, and nothing is forgotten while a module loads. */
function knownSince(count: number): object[] {
  return typeInfo.size === count ? [] : [...typeInfo.keys()].slice(count);
}

/** Classes that others hold, such as those of a test: they stay known. */
export function keepClasses(classes: readonly object[]): void {
  for (const cls of classes) shared.add(cls);
}

/** The container need not know the classes of a version that is gone; it would keep them, and all that they hold. */
export function forgetClasses(classes: readonly (object | PluginClass)[]): void {
  for (const cls of classes) {
    if (shared.has(cls)) continue;
    typeInfo.delete(cls);
    registered.delete(cls);
  }
}
