import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { ownImportsOf } from './compiled-code';
import { isFile } from './file-state';
import { findModule, isPath } from './find-module';
import { findPackage } from './find-package';
import { transpile } from './transpile';

/** The source text of a module and the JavaScript that it was compiled to. */
export interface ModuleText {
  readonly source: string;
  readonly code: string;
}

/** The texts of modules, by absolute path. */
export type ModuleTexts = ReadonlyMap<string, ModuleText>;

/**
 * Compiles a plugin's file, the files of the config's middleware, and all files that these import by name, without running
 * them. Leaves out a file of the middleware that cannot be read, because loading it reports that.
 * @throws JetplugError `JP_PLUGIN_SYNTAX`, or `JP_PLUGIN_LOAD_FAILED` if a file cannot be read
 */
export function readModules(file: string, use: readonly string[] = []): Map<string, ModuleText> {
  const texts = new Map<string, ModuleText>();
  const paths = new Set([file, ...use.filter(isFile)]);
  // Iterating a Set also visits the members that are added meanwhile.
  for (const path of paths) {
    const source = readSource(path);
    const code = codeOf(path, source);
    texts.set(path, { source, code });
    if (!isCode(path)) continue;
    for (const imported of importsOf(path, code)) paths.add(imported);
  }
  return texts;
}

/** The plugin's own files that a module imports, including imports that may never run. */
export function importsOf(path: string, code: string): string[] {
  return ownImportsOf(code)
    .map((specifier) => (isPath(specifier) ? findModule(specifier, path, () => false) : findOwn(specifier, path)))
    .filter((imported) => imported !== undefined);
}

/**
 * Reads a source file.
 * @throws JetplugError `JP_PLUGIN_LOAD_FAILED` if the file is gone or may not be read
 */
export function readSource(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new JetplugError('JP_PLUGIN_LOAD_FAILED', `the file cannot be read: ${(cause as Error).message}`, {
      file,
      cause,
    });
  }
}

/** The JavaScript of a source file; JSON and native modules are not compiled. */
export function codeOf(path: string, source: string): string {
  return isCode(path) ? transpile(path, source) : source;
}

export function isCode(path: string): boolean {
  return !/\.(json|node)$/.test(path);
}

/** A hash of source texts and of their paths relative to `file`. */
export function versionOf(file: string, sources: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  const base = dirname(file);
  for (const path of [...sources.keys()].sort()) hash.update(`${relative(base, path)}\n${sources.get(path)}\n`);
  return hash.digest('hex').slice(0, 12);
}

function findOwn(specifier: string, from: string): string | undefined {
  try {
    const { file, isOwn } = findPackage(specifier, from);
    return isOwn ? file : undefined;
  } catch {
    return undefined; // loading the module reports the missing import
  }
}
