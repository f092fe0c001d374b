/*
 * The loader changes the code that swc compiles a plugin's module to, where CommonJS loses a meaning of the source. The
 * changes add no line, so that the source map stays right.
 */

/** Functions that the changed code calls; the loader sets them on the `module` of each of a plugin's own modules. */
export interface LoaderHelpers {
  /** Replaces `import()`. Node.js itself imports the modules that `require` cannot load. */
  import(specifier: unknown): Promise<unknown>;
  /** Returns a type for decorator metadata. In a circular import, the type may not be defined yet. */
  type(read: () => unknown, exports: unknown): unknown;
}

const HELPERS = '__jetplug';
const DYNAMIC_IMPORT = /(\.then\((?:\(\)|\(p\))=>)\/\*#__PURE__\*\/ _interop_require_wildcard\(require\(/g;
const TYPE = /typeof (_\w*)\.([\w$]+) === "undefined" \? Object : \1\.\2(?![\w$.(])/g;
const TYPE_OF_NAMESPACE =
  /typeof (_\w*) === "undefined" \|\| typeof \1\.([\w$]+) === "undefined" \? Object : \1\.\2(?![\w$.(])/g;
/** An import of a file, as the compiler writes it or as this file rewrites it. */
const OWN_IMPORT = /\b(?:require|__jetplug\.import)\("(\.{1,2}(?:\/[^"]*)?|#[^"]+)"\s*[,)]/g;

/** Lets compiled code call the loader's helpers for `import()` and for the types in decorator metadata. */
export function withHelpers(code: string): string {
  const changed = code
    .replace(DYNAMIC_IMPORT, `$1(${HELPERS}.import(`)
    .replace(TYPE_OF_NAMESPACE, `${HELPERS}.type(()=>$1.$2, $1)`)
    .replace(TYPE, `${HELPERS}.type(()=>$1.$2, $1)`);
  if (changed === code) return code;
  const strict = '"use strict";';
  const isStrict = changed.startsWith(strict);
  return `${isStrict ? strict : ''}const ${HELPERS} = module.jetplug;${isStrict ? changed.slice(strict.length) : changed}`;
}

/** The specifiers of a module's imports by path, or by a `#name` of its package. */
export function ownImportsOf(code: string): string[] {
  return [...code.matchAll(OWN_IMPORT)].map(([, specifier]) => specifier!);
}
