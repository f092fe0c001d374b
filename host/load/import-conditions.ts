import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isFile } from './file-state';

/*
 * Resolves a package for `import` if it exports no file for `require`. Node.js 20 offers this only to ES modules.
 * https://nodejs.org/api/esm.html#resolution-algorithm-specification
 */

const CONDITIONS: ReadonlySet<string> = new Set(['import', 'node', 'module-sync', 'default']);

interface Manifest {
  readonly name?: string;
  readonly exports?: unknown;
  readonly imports?: Record<string, unknown>;
}

/** The file that `import` of a package, or of a `#name` of the file's own package, resolves to; undefined if none. */
export function resolveByImport(specifier: string, from: string): string | undefined {
  const folders = above(dirname(from));
  if (specifier.startsWith('#')) {
    const own = folders.find((folder) => isFile(join(folder, 'package.json')));
    return own && fileIn(own, matched(manifestOf(own)?.imports ?? {}, specifier));
  }
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ?? [];
  if (name === undefined) return undefined;
  const folder = folders
    .map((each) => join(each, 'node_modules', name))
    .find((each) => isFile(join(each, 'package.json')));
  const exports = folder && manifestOf(folder)?.exports;
  if (!folder || exports === undefined) return undefined;
  return fileIn(folder, matched(bySubpath(exports), `.${rest}`));
}

/** Returns the targets in `exports` by subpath. `exports` may be the target of `.` alone, without a map. */
function bySubpath(exports: unknown): Record<string, unknown> {
  const isMap =
    typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'));
  return isMap ? (exports as Record<string, unknown>) : { '.': exports };
}

/** The target of a name: its own entry, or the longest pattern with `*` that matches. */
function matched(map: Record<string, unknown>, name: string): string | undefined {
  if (name in map && !name.includes('*')) return target(map[name]);
  const patterns = Object.keys(map)
    .filter((key) => key.includes('*'))
    .sort((a, b) => b.indexOf('*') - a.indexOf('*'));
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.split('*');
    if (!name.startsWith(before) || !name.endsWith(after) || name.length < before.length + after.length) continue;
    return target(map[pattern])?.replaceAll('*', name.slice(before.length, name.length - after.length));
  }
  return undefined;
}

function target(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(target).find((one) => one !== undefined);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [condition, inner] of Object.entries(value)) {
    const found = CONDITIONS.has(condition) ? target(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function fileIn(folder: string, path: string | undefined): string | undefined {
  if (!path?.startsWith('./')) return undefined;
  const file = join(folder, path);
  return isFile(file) ? file : undefined;
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined; // Node.js reports an invalid package.json when it reads it
  }
}

function above(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}
