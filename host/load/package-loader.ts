import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { loadShared } from './classes';
import { realPathOf } from './find-module';
import { findPackage, type FoundPackage } from './find-package';
import { resolveInHost } from './host-packages';
import { asynchronousPackage, notFound, type OwnFiles } from './import-errors';

const hostRequire = createRequire(__filename);

/**
 * The packages that were loaded in this turn of the event loop, because plugins that start together import the same
 * ones.
 */
const recent = new Map<string, unknown>();

/**
 * Loads a package, or a `#name` of the importing file's own package. Packages are shared by all plugins.
 * @param loadOwn loads a file that belongs to the plugin's own sources
 * @throws JetplugError `JP_PLUGIN_IMPORT_NOT_FOUND`, `JP_PLUGIN_IMPORT_ASYNC`
 */
export function loadPackage(
  specifier: string,
  from: string,
  own: OwnFiles,
  loadOwn: (file: string) => unknown,
): unknown {
  const key = `${dirname(realPathOf(from))} ${specifier}`;
  if (recent.has(key)) return recent.get(key);
  const { file, isOwn } = find(specifier, from, own);
  if (isOwn) return loadOwn(file);
  const loaded = requireShared(file, specifier, from, own, loadOwn);
  if (recent.size === 0) setImmediate(() => recent.clear());
  recent.set(key, loaded);
  return loaded;
}

function find(specifier: string, from: string, own: OwnFiles): FoundPackage {
  try {
    return findPackage(specifier, from);
  } catch (error) {
    throw notFound({ specifier, from, cause: error }, own);
  }
}

function requireShared(
  file: string,
  specifier: string,
  from: string,
  own: OwnFiles,
  loadOwn: (file: string) => unknown,
): unknown {
  try {
    return loadShared(() => hostRequire(file) as unknown);
  } catch (error) {
    const { code, message, requireStack } = error as NodeJS.ErrnoException & { requireStack?: string[] };
    if (code === 'ERR_REQUIRE_ASYNC_MODULE') throw asynchronousPackage({ specifier, from, cause: error }, own);
    // The package is an ES module that imports a package of the host, which Node.js looks for only beside that module.
    const missing = /^Cannot find package '([^']+)' imported from (.+)$/.exec(message);
    if (missing && (missing[1] === 'jetplug' || resolveInHost(missing[1]!) !== undefined)) return loadOwn(file);
    if (code !== 'MODULE_NOT_FOUND' && !missing) throw error;
    const name = missing?.[1] ?? /^Cannot find module '([^']+)'/.exec(message)?.[1] ?? '';
    throw notFound({ specifier: name, from: missing?.[2] ?? requireStack?.[0] ?? file, by: from, cause: error }, own);
  }
}
