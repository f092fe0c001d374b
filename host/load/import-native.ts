import Module from 'node:module';

type Import = (specifier: string) => Promise<unknown>;

interface CompilingModule {
  exports: unknown;
  _compile(code: string, filename: string): unknown;
}
const CompilingModule = Module as unknown as new (id: string) => CompilingModule;

/** `import()` as Node.js does it in a file; the compiler of TypeScript would make `require` of it here. */
export function importIn(file: string): Import {
  const module = new CompilingModule(file);
  module._compile('module.exports = (specifier) => import(specifier);', file);
  return module.exports as Import;
}

/** What `import()` gives for a CommonJS module: its names, and all of it as `default`. */
export function asNamespace(exports: unknown): unknown {
  const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function';
  if (isObject && (exports as { __esModule?: unknown }).__esModule) return exports;
  const names = isObject ? Object.getOwnPropertyDescriptors(exports) : {};
  delete (names as { default?: unknown }).default;
  return Object.defineProperty(Object.create(null, names) as object, 'default', { value: exports, enumerable: true });
}
