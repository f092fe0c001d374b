import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { isFile } from './file-state';

const hostRequire = createRequire(__filename);
/** The folder of Jetplug itself: two levels above this file, or three once it is built. */
export const HOST_ROOT = [join(__dirname, '../..'), join(__dirname, '../../..')].find((folder) =>
  isFile(join(folder, 'package.json')),
)!;

type Resolve = (request: string, parent?: { filename?: string | null } | null, ...rest: unknown[]) => string;
const internals = Module as unknown as { _resolveFilename: Resolve };
let isShared = false;

/**
 * Lets the packages that plugins bring import `jetplug/sdk`, `zod` and the host's other packages, as the plugins' own
 * files can. A package that is not found beside them is looked up among the host's.
 */
export function shareHostPackages(): void {
  if (isShared) return;
  isShared = true;
  const resolveBeside = internals._resolveFilename;
  internals._resolveFilename = function (request, parent, ...rest) {
    try {
      return resolveBeside.call(this, request, parent, ...rest);
    } catch (error) {
      const shared = isMissing(error) && isForeign(request, parent?.filename) ? resolveInHost(request) : undefined;
      if (shared === undefined) throw error;
      return shared;
    }
  };
}

/** The file of one of the host's packages; undefined if it has none of that name. */
export function resolveInHost(specifier: string): string | undefined {
  try {
    return hostRequire.resolve(specifier);
  } catch {
    return undefined; // the caller reports the missing package
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'MODULE_NOT_FOUND';
}

/** Whether code outside of the host and its packages imports a package by name. */
function isForeign(request: string, from: string | null | undefined): boolean {
  if (!from || /^[./#]/.test(request)) return false;
  return !from.startsWith(join(HOST_ROOT, 'node_modules') + sep) && !from.startsWith(join(HOST_ROOT, 'dist') + sep);
}
