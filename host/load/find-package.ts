import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { realPathOf } from './find-module';
import { HOST_ROOT, resolveInHost } from './host-packages';
import { resolveByImport } from './import-conditions';
import { isFile } from './file-state';

/**
 * The file that an import by name leads to: a file of a package, or one of the plugin's own files, such as through a
 * `#name`.
 */
export interface FoundPackage {
  readonly file: string;
  /** Whether the file is the plugin's own source, which is compiled, and loaded again with each version of the plugin. */
  readonly isOwn: boolean;
}

/**
 * Finds a package or a `#name`. The search is that of Node.js beside the importing file, then beside the link that led
 * to that file, and then among the host's packages.
 * @throws the error of Node.js for the first of these places
 */
export function findPackage(specifier: string, from: string): FoundPackage {
  const real = realPathOf(from);
  let first: unknown;
  for (const file of new Set([real, from])) {
    try {
      return found(createRequire(file).resolve(specifier), specifier, file);
    } catch (error) {
      first ??= error;
      const imported = resolveByImport(specifier, file);
      if (imported !== undefined) return found(realPathOf(imported), specifier, file);
    }
  }
  const ours = resolveInHost(specifier);
  if (ours === undefined) throw first;
  return { file: ours, isOwn: false };
}

/**
 * Classifies a file that was found. TypeScript, which Node.js does not load, and files of the plugin's own package
 * count as the plugin's own source.
 */
function found(file: string, specifier: string, from: string): FoundPackage {
  if (Module.isBuiltin(file) || file.includes(`${sep}node_modules${sep}`)) return { file, isOwn: false };
  const scope = packageOf(from);
  const isSelf = scope !== HOST_ROOT && scope !== undefined && packageOf(file) === scope;
  const isTypeScript = /\.[cm]?ts$/.test(file) && !specifier.startsWith('jetplug/');
  return { file, isOwn: specifier.startsWith('#') || isSelf || isTypeScript };
}

/** The folder of the package that a file belongs to. */
function packageOf(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (isFile(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

const MAPPED = /"((?:[^"\\]|\\.)+)"\s*:\s*\[/g;

/** The tsconfig.json whose `paths` map a name, if there is one. Node.js ignores these paths. */
export function mappedByTypeScript(specifier: string, from: string): string | undefined {
  for (let folder = dirname(from); ; folder = dirname(folder)) {
    const file = join(folder, 'tsconfig.json');
    if (isFile(file)) return mapsOf(file).some((pattern) => fits(specifier, pattern)) ? file : undefined;
    if (folder === dirname(folder)) return undefined;
  }
}

function mapsOf(file: string): string[] {
  const [, paths = ''] = readText(file).split(/"paths"\s*:/);
  return [...paths.matchAll(MAPPED)].map(([, pattern]) => pattern!);
}

function fits(specifier: string, pattern: string): boolean {
  const [before = '', after] = pattern.split('*');
  return after === undefined ? specifier === pattern : specifier.startsWith(before) && specifier.endsWith(after);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the text would only add a hint to an error that is reported anyway
  }
}
