import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isFile, lookAt } from './look-at';

const EXTENSIONS = ['.ts', '.js', '.json', '.mts', '.cts', '.mjs', '.cjs', '.node'];
const IN_FOLDER = ['/index.ts', '/index.js', '/index.mts', '/index.cts', '/index.mjs', '/index.cjs', '/index.json'];
/** All that is left of types which no JavaScript belongs to. */
const DECLARATIONS = ['.d.ts', '.d.mts', '.d.cts', '/index.d.ts'];

/** Whether an import names a file rather than a package. */
export function isPath(specifier: string): boolean {
  return /^(\.{0,2}\/|file:)/.test(specifier) || specifier === '.' || specifier === '..';
}

/**
 * The file that a path in an import means; nothing where there is none. It is looked for beside the importing file as
 * Node.js does, which follows a link to the real file first, and then beside the link.
 */
export function findModule(specifier: string, from: string, isGiven: (path: string) => boolean): string | undefined {
  const beside = (file: string): string | undefined => findBeside(specifier, file, isGiven);
  const real = realPathOf(from);
  if (real === from) return beside(from);
  const [byReal, byLink] = [beside(real), beside(from)];
  if (byReal === undefined) return byLink;
  // Where the folder of the link has a link to the same file, that is the one to watch: the real one may be replaced.
  return byLink !== undefined && realPathOf(byLink) === realPathOf(byReal) ? byLink : byReal;
}

/** Whether a file declares types only. */
export function isDeclaration(file: string): boolean {
  return /\.d\.[cm]?ts$/.test(file);
}

/** Where a file really is; where it was, if its text is all that is left of it. */
export function realPathOf(file: string): string {
  return lookAt(file) ? realpathSync.native(file) : file;
}

function findBeside(specifier: string, from: string, isGiven: (path: string) => boolean): string | undefined {
  const base = specifier.startsWith('file:') ? fileURLToPath(specifier) : resolve(dirname(from), specifier);
  const isThere = (path: string): boolean => isGiven(path) || isFile(path);
  return namesOf(base).find(isThere);
}

function namesOf(base: string): string[] {
  // TypeScript lets `./x.js` stand for `./x.ts`, and `./x.mjs` for `./x.mts`.
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
