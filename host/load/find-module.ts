import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFile, statOf } from './file-state';

const EXTENSIONS = ['.ts', '.js', '.json', '.mts', '.cts', '.mjs', '.cjs', '.node'];
const IN_FOLDER = ['/index.ts', '/index.js', '/index.mts', '/index.cts', '/index.mjs', '/index.cjs', '/index.json'];
/** Files that declare types without any JavaScript. */
const DECLARATIONS = ['.d.ts', '.d.mts', '.d.cts', '/index.d.ts'];

/** Whether an import names a file rather than a package. */
export function isPath(specifier: string): boolean {
  return /^(\.{0,2}\/|file:)/.test(specifier) || specifier === '.' || specifier === '..';
}

/**
 * Finds the file that an import by path names; undefined if there is none. As in Node.js, the search begins beside the
 * importing file's real path, and continues beside the link that led to that file.
 * @param isGiven whether the text of a path is known without its file
 */
export function findModule(specifier: string, from: string, isGiven: (path: string) => boolean): string | undefined {
  const beside = (file: string): string | undefined => findBeside(specifier, file, isGiven);
  const real = realPathOf(from);
  if (real === from) return beside(from);
  const [byReal, byLink] = [beside(real), beside(from)];
  if (byReal === undefined) return byLink;
  // If the link's folder has a link to the same file, that link is watched, because the real file may be replaced.
  return byLink !== undefined && realPathOf(byLink) === realPathOf(byReal) ? byLink : byReal;
}

/** Whether a file declares types only. */
export function isDeclaration(file: string): boolean {
  return /\.d\.[cm]?ts$/.test(file);
}

/** The real path of a file; its own path if the file is gone and only its text is known. */
export function realPathOf(file: string): string {
  return statOf(file) ? realpathSync.native(file) : file;
}

function findBeside(specifier: string, from: string, isGiven: (path: string) => boolean): string | undefined {
  const base = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolve(dirname(from), specifier);
  const isThere = (path: string): boolean => isGiven(path) || isFile(path);
  return namesOf(base).find(isThere);
}

function namesOf(base: string): string[] {
  // In TypeScript `./x.js` may mean `./x.ts`, and `./x.mjs` may mean `./x.mts`.
  const script = /\.([cm]?)js$/.exec(base);
  const stem = script && base.slice(0, -script[0].length);
  const asTypeScript = stem === null ? [] : [`${stem}.${script![1]}ts`];
  const declared = [base, ...(stem === null ? [] : [stem])];
  return [
    base,
    ...asTypeScript,
    ...[...EXTENSIONS, ...IN_FOLDER].map((extension) => base + extension),
    ...declared.flatMap((path) => DECLARATIONS.map((extension) => path + extension)),
  ];
}
