/*
 * What the loader changes in the code that swc makes of a plugin's module, where CommonJS is poorer than the source.
 * No line is added, so that the source map holds.
 */

/** What the changed code calls; the loader puts it on the `module` of each of a plugin's own modules. */
export interface ModuleHelp {
  /** `import()`, which Node.js itself does for what `require` cannot load. */
  import(specifier: unknown): Promise<unknown>;
  /** A type for decorator metadata, which a circular import may not have defined yet. */
  type(read: () => unknown, exports: unknown): unknown;
}

const HELP = '__jetplug';
const DYNAMIC_IMPORT = /(\.then\((?:\(\)|\(p\))=>)\/\*#__PURE__\*\/ _interop_require_wildcard\(require\(/g;
const TYPE = /typeof (_\w*)\.([\w$]+) === "undefined" \? Object : \1\.\2(?![\w$.(])/g;
const TYPE_OF_NAMESPACE =
  /typeof (_\w*) === "undefined" \|\| typeof \1\.([\w$]+) === "undefined" \? Object : \1\.\2(?![\w$.(])/g;
/** As the compiler writes an import of a file, and as it is written here. */
const OWN_IMPORT = /\b(?:require|__jetplug\.import)\("(\.{1,2}(?:\/[^"]*)?|#[^"]+)"\s*[,)]/g;

export function withHelp(code: string): string {
  const changed = code
    .replace(DYNAMIC_IMPORT, `$1(${HELP}.import(`)
    .replace(TYPE_OF_NAMESPACE, `${HELP}.type(()=>$1.$2, $1)`)
    .replace(TYPE, `${HELP}.type(()=>$1.$2, $1)`);
  if (changed === code) return code;
  const strict = '"use strict";';
  const isStrict = changed.startsWith(strict);
  return `${isStrict ? strict : ''}const ${HELP} = module.jetplug;${isStrict ? changed.slice(strict.length) : changed}`;
}

/** What a module imports by path, or by a `#name` of its package. */
export function ownImportsOf(code: string): string[] {
  return [...code.matchAll(OWN_IMPORT)].map(([, specifier]) => specifier!);
}
