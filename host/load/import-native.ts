import Module from 'node:module';

type Import = (specifier: string) => Promise<unknown>;

interface CompilingModule {
  exports: unknown;
  _compile(code: string, filename: string): unknown;
}
const CompilingModule = Module as unknown as new (id: string) => CompilingModule;

/**
 * Returns the `import()` of Node.js, resolved from a file. It is compiled at run time, because TypeScript would compile
 * it to `require`.
 */
export function importIn(file: string): Import {
  const module = new CompilingModule(file);
  module._compile('module.exports = (specifier) => import(specifier);', file);
  return module.exports as Import;
}

/** The namespace that `import()` returns for a CommonJS module: its names, and its exports as `default`. */
export function asNamespace(exports: unknown): unknown {
  const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function';
  if (isObject && (exports as { __esModule?: unknown }).__esModule) return exports;
  const names = isObject ? Object.getOwnPropertyDescriptors(exports) : {};
  delete (names as { default?: unknown }).default;
  return Object.defineProperty(Object.create(null, names) as object, 'default', { value: exports, enumerable: true });
}
