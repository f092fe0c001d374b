import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { LoaderHelpers } from './compiled-code';

/**
 * A module of a plugin. Node's module class compiles the code, so that source maps apply; the loader resolves and
 * caches modules itself.
 */
export interface PluginModule {
  exports: unknown;
  filename: string;
  jetplug: LoaderHelpers;
  require(specifier: string): unknown;
  _compile(code: string, filename: string): unknown;
}

const NodeModule = Module as unknown as new (id: string) => PluginModule;

export function newModule(file: string, require: PluginModule['require'], helpers: LoaderHelpers): PluginModule {
  return Object.assign(new NodeModule(file), { filename: file, require, jetplug: helpers });
}

/**
 * Runs a module's code.
 * @param isShared whether other plugins may import the same file, so that its compiled function is kept for them
 * @returns the module that holds the source map: Node keeps a source map only as long as its module
 */
export function runModule(module: PluginModule, code: string, isShared: boolean): object {
  if (!isShared) {
    module._compile(code, module.filename);
    return module;
  }
  const { filename: file } = module;
  const compiled = compiledFunction(file, code);
  const require = Object.assign((specifier: string) => module.require(specifier), createRequire(file));
  const body = compiled.exports as ModuleFunction;
  body.call(module.exports, module.exports, require, module, file, dirname(file));
  return compiled;
}

type ModuleFunction = (
  exports: unknown,
  require: NodeJS.Require,
  module: PluginModule,
  file: string,
  folder: string,
) => void;

/**
 * The compiled functions of files that plugins import. A file is compiled once for all plugins; each plugin runs the
 * function for itself.
 */
const functions = new Map<string, { readonly code: string; readonly module: PluginModule }>();
const MAX_FUNCTIONS = 1_000;

function compiledFunction(file: string, code: string): PluginModule {
  const known = functions.get(file);
  if (known?.code === code) return known.module;
  const module = new NodeModule(file);
  // The wrapper adds no line, so that the source map stays right.
  module._compile(
    `module.exports = (0, function (exports, require, module, __filename, __dirname) {${code}\n});`,
    file,
  );
  functions.set(file, { code, module });
  if (functions.size > MAX_FUNCTIONS) functions.delete(functions.keys().next().value!);
  return module;
}
