import { isPath } from './find-module';
import { mappedByTypeScript } from './find-package';
import { JetplugError, type Location } from '../../sdk/internal';
import { isError } from '../base/thrown';

/** An import that failed. */
export interface FailedImport {
  readonly specifier: string;
  readonly from: string;
  /** The plugin's own file that imports the package, if `from` belongs to a package. */
  readonly by?: string | undefined;
  readonly cause?: unknown;
}

/** The plugin's own files that have been read. */
export interface OwnFiles {
  /** The plugin's file. */
  readonly entry: string;
  /** Source texts by absolute path. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Returns the error for an import that was not found, `JP_PLUGIN_IMPORT_NOT_FOUND`, at the line of the import. */
export function notFound({ specifier, from, by, cause }: FailedImport, { entry, sources }: OwnFiles): JetplugError {
  const importer = by ?? (from === entry ? undefined : entry);
  const through = importer === undefined ? '' : `, which ${importer} imports`;
  const tsconfig = isPath(specifier) ? undefined : mappedByTypeScript(specifier, from);
  const hint = `Node.js does not follow the paths of ${tsconfig}. Import by a relative path, or by a name that begins with # and stands under "imports" in package.json.`;
  return new JetplugError(
    'JP_PLUGIN_IMPORT_NOT_FOUND',
    `cannot find ${JSON.stringify(specifier)}, imported by ${from}${through}`,
    { ...placeOfImport(specifier, from, sources), ...(tsconfig !== undefined && { hint }), cause },
  );
}

/** The error for a package that awaits at its top level. */
export function asynchronousPackage({ specifier, from, cause }: FailedImport, { sources }: OwnFiles): JetplugError {
  const message = `${JSON.stringify(specifier)} awaits at its top level`;
  return new JetplugError('JP_PLUGIN_IMPORT_ASYNC', message, { ...placeOfImport(specifier, from, sources), cause });
}

/** The error for one of the plugin's own files that awaits at its top level. */
export function asynchronousFile(file: string, cause: unknown, { sources }: OwnFiles): JetplugError {
  const lines = sources.get(file)?.split('\n') ?? [];
  // An indented `await` is inside a function or block.
  const line = lines.findIndex((text) => /^\S.*\bawait\b|^await\b/.test(text)) + 1;
  const place = { file, ...(line > 0 ? { line } : {}) };
  return new JetplugError('JP_PLUGIN_IMPORT_ASYNC', 'the file awaits at its top level', { ...place, cause });
}

/**
 * Whether code failed because it awaits outside of a function: V8 reports a syntax error for CommonJS code, Node.js an
 * error code for code that it takes for an ES module.
 */
export function awaitsAtTop(error: unknown): boolean {
  if (!isError(error)) return false;
  if ((error as NodeJS.ErrnoException).code === 'ERR_REQUIRE_ASYNC_MODULE') return true;
  return error.name === 'SyntaxError' && error.message.startsWith('await is only valid in async');
}

/**
 * Stands in for the exports of a declaration file, whose names do not exist at run time. Reading such a name throws an
 * error.
 */
export function typesOnly(file: string): object {
  return new Proxy(Object.freeze({ __esModule: true }), {
    get: (target, name) => {
      if (typeof name !== 'string' || name in target || name === 'then') return Reflect.get(target, name) as unknown;
      const message = `${name} is used as a value, but ${file} only declares it`;
      throw new JetplugError('JP_PLUGIN_IMPORT_NOT_FOUND', message);
    },
  });
}

function placeOfImport(specifier: string, from: string, sources: OwnFiles['sources']): Partial<Location> {
  const lines = sources.get(from)?.split('\n') ?? [];
  const line = lines.findIndex((text) => text.includes(`'${specifier}'`) || text.includes(`"${specifier}"`)) + 1;
  return { file: from, ...(line > 0 ? { line } : {}) };
}
