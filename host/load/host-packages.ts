import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { isFile } from './look-at';

const hostRequire = createRequire(__filename);
/** The folder of Jetplug itself, which is two or three above this file: three once it is built. */
export const HOST_ROOT = [join(__dirname, '../..'), join(__dirname, '../../..')].find((folder) =>
  isFile(join(folder, 'package.json')),
)!;

type Resolve = (request: string, parent?: { filename?: string | null } | null, ...rest: unknown[]) => string;
const internals = Module as unknown as { _resolveFilename: Resolve };
let isShared = false;

/**
 * From here on the packages that plugins bring, such as one with contracts, find `jetplug/sdk`, `zod` and the host's
 * other packages as the plugins' own files do: where they are not beside them, among the host's.
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

/** The file of a package of the host; nothing where it has none by that name. */
export function resolveInHost(specifier: string): string | undefined {
  try {
    return hostRequire.resolve(specifier);
  } catch {
    return undefined; // the caller says what was looked for, and by whom
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'MODULE_NOT_FOUND';
}

/** A package's name, asked for from outside the host and its packages. */
function isForeign(request: string, from: string | null | undefined): boolean {
  if (!from || /^[./#]/.test(request)) return false;
  return !from.startsWith(join(HOST_ROOT, 'node_modules') + sep) && !from.startsWith(join(HOST_ROOT, 'dist') + sep);
}
