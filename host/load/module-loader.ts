import Module, { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { DependencyContainer } from 'tsyringe';
import { isEventContract, isJetplugError, JetplugError, type EventContract, type Location } from '../../sdk/internal';
import { isErrorLike, plainError } from '../base/plain-error';
import { LoadingModules } from './circular-import';
import { noteClasses } from './classes';
import { loadMiddleware } from './configured-middleware';
import { findModule, isDeclaration, isPath, realPathOf } from './find-module';
import { shareHostPackages } from './host-packages';
import { asynchronousFile, awaitsAtTop, notFound, typesOnly, type OwnFiles } from './import-errors';
import { asNamespace, importIn } from './import-native';
import type { DeclaredMiddleware } from './middleware';
import { codeOf, readSource, versionOf, type ModuleText, type ModuleTexts } from './module-graph';
import { newModule, runModule, type PluginModule } from './module-runner';
import { loadPackage } from './package-loader';
import { createPluginContainer } from './plugin-container';
import type { Provided } from './provided';
import { tsyringeFor } from './plugin-tsyringe';
import { placeIn } from './source-place';

const hostRequire = createRequire(__filename);
/** The package of which a plugin always gets the host's copy, with the plugin's own container in it. */
const TSYRINGE = 'tsyringe';

/** A plugin's own modules, loaded apart from every other plugin's and from earlier versions of itself. */
export interface LoadedModules {
  readonly exports: unknown;
  /** A hash of all sources of the plugin. */
  readonly version: string;
  /** The plugin's source texts by absolute path, its own file first. */
  readonly sources: ReadonlyMap<string, string>;
  /** The texts and the compiled code of the sources, by absolute path. */
  readonly texts: ModuleTexts;
  /** The plugin's dependency container, in which its modules register. */
  readonly container: DependencyContainer;
  /** The classes of modules that the plugin imports while it runs; the list grows. */
  readonly lateClasses: readonly object[];
  /** The event contracts that its modules export. */
  readonly contracts: readonly ExportedContract[];
  /** The middleware of the config, the outermost first. */
  readonly use: readonly DeclaredMiddleware[];
  readonly modules: SharedModules['modules'];
}

export interface LoadModulesOptions {
  /** Texts to use in place of the files. */
  readonly texts?: ModuleTexts | undefined;
  /** The files of the config's middleware. Each plugin loads them for itself, like its own modules. */
  readonly use?: readonly string[];
  /** The providers of the plugin's folder. The plugin gets their modules as they are loaded there. */
  readonly shared?: SharedModules | undefined;
}

/** Modules that several plugins share. */
export interface SharedModules {
  readonly sources: ReadonlyMap<string, string>;
  readonly texts: ModuleTexts;
  /** The loaded modules, by absolute path. */
  readonly modules: ReadonlyMap<string, { readonly exports: unknown }>;
  readonly provided: Provided;
}

/** An event contract, and the name under which a module exports it. */
export interface ExportedContract {
  readonly name: string;
  readonly contract: EventContract;
}

/**
 * Loads a plugin's file and the files that it imports by path. Packages are looked up beside the file first, then
 * among the host's own; all plugins share them. `tsyringe` is always the host's.
 * @throws JetplugError `JP_PLUGIN_SYNTAX`, `JP_PLUGIN_IMPORT_NOT_FOUND`, `JP_PLUGIN_LOAD_FAILED`,
 * `JP_MIDDLEWARE_NOT_LOADED`, with file and line
 */
export function loadModules(
  file: string,
  { texts = new Map(), use = [], shared }: LoadModulesOptions = {},
): LoadedModules {
  shareHostPackages();
  const loader = new Loader(file, texts, shared);
  try {
    const exports = loader.load(file);
    const middleware = loadMiddleware(use, loader);
    loader.addShared();
    sourceMapsOf.set(loader.sources, loader.sourceMapModules);
    return {
      exports,
      version: versionOf(file, loader.sources),
      sources: loader.sources,
      texts: loader.texts,
      container: loader.container,
      lateClasses: loader.lateClasses,
      contracts: loader.contracts(),
      use: middleware,
      modules: loader.modules,
    };
  } catch (error) {
    const place = placeIn(loader.sources, error) ?? { file };
    const plain = plainError(error);
    throw isJetplugError(plain) ? plain.with(place) : loadFailed(place, error);
  }
}

/** The values that a module exports, without re-exported names of types, which have no value at run time. */
export function valuesOf(exports: unknown): unknown[] {
  return namedValuesOf(exports).map(([, value]) => value);
}

function namedValuesOf(exports: unknown): (readonly [name: string, value: unknown])[] {
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return [['default', exports]];
  return Object.keys(exports).flatMap((name) => {
    try {
      return [[name, (exports as Record<string, unknown>)[name]] as const];
    } catch {
      return []; // the name of a type
    }
  });
}

/** Node keeps a source map only as long as its module, so the modules live as long as the plugin's sources. */
const sourceMapsOf = new WeakMap<LoadedModules['sources'], ReadonlySet<object>>();

/** Loads the modules of one plugin, each once. */
class Loader implements OwnFiles {
  readonly sources = new Map<string, string>();
  readonly texts = new Map<string, ModuleText>();
  /** The modules that hold the source maps. */
  readonly sourceMapModules = new Set<object>();
  readonly lateClasses: object[] = [];
  readonly container: DependencyContainer;
  readonly modules = new Map<string, PluginModule>();
  private readonly tsyringe: object;
  private readonly loading: LoadingModules;

  constructor(
    readonly entry: string,
    private readonly given: ModuleTexts,
    private readonly shared: SharedModules | undefined,
  ) {
    this.container = createPluginContainer(shared?.provided);
    this.tsyringe = tsyringeFor(this.container);
    this.loading = new LoadingModules(entry);
  }

  load(file: string): unknown {
    const shared = this.shared?.modules.get(file);
    if (shared) return shared.exports;
    const known = this.modules.get(file);
    if (known) {
      this.loading.noteRepeat(file);
      return known.exports;
    }
    if (file.endsWith('.node')) return hostRequire(file);
    const { source, code } = this.textOf(file);
    const module = newModule(file, (specifier) => this.require(specifier, file), {
      import: (specifier) => this.import(String(specifier), file),
      type: (read, exports) => this.loading.typeOf(read, exports),
    });
    this.modules.set(file, module);
    try {
      this.loading.run(file, module, () => this.evaluate(module, source, code));
    } catch (error) {
      // A later import of the file tries again.
      this.modules.delete(file);
      throw awaitsAtTop(error) ? asynchronousFile(file, error, this) : error;
    }
    return module.exports;
  }

  /** Adds the sources of the shared modules, so that an edit of one makes a new version of the plugin. */
  addShared(): void {
    for (const [path, source] of this.shared?.sources ?? []) this.sources.set(path, source);
    for (const [path, text] of this.shared?.texts ?? []) this.texts.set(path, text);
  }

  contracts(): ExportedContract[] {
    const values = [...this.modules.values(), ...(this.shared?.modules.values() ?? [])].flatMap(({ exports }) =>
      namedValuesOf(exports),
    );
    return values.flatMap(([name, contract]) => (isEventContract(contract) ? [{ name, contract }] : []));
  }

  private textOf(file: string): ModuleText {
    const given = this.given.get(file);
    const source = given?.source ?? readSource(file);
    // The source is recorded before it is compiled, so that a syntax error has a place.
    this.sources.set(file, source);
    const text = given ?? { source, code: codeOf(file, source) };
    this.texts.set(file, text);
    return text;
  }

  private evaluate(module: PluginModule, source: string, code: string): void {
    const { filename: file } = module;
    if (extname(file) === '.json') module.exports = parseJson(file, source);
    else if (isDeclaration(file)) module.exports = typesOnly(file);
    else this.sourceMapModules.add(runModule(module, code, file !== this.entry));
  }

  private require(specifier: string, from: string): unknown {
    if (Module.isBuiltin(specifier)) return hostRequire(specifier);
    if (isPath(specifier)) return this.load(this.find(specifier, from));
    if (specifier === TSYRINGE) return this.tsyringe;
    return loadPackage(specifier, from, this, (file) => this.load(file));
  }

  /**
   * Imports a module at run time. A module that `require` can load is loaded once for `require` and `import()`; Node.js
   * imports all others.
   */
  private async import(specifier: string, from: string): Promise<unknown> {
    try {
      const { loaded, classes } = noteClasses(() => this.require(specifier, from));
      this.lateClasses.push(...classes);
      // `require` adds `__esModule` to the namespace of an ES module.
      const isPackage = types.isModuleNamespaceObject(loaded) && !isPath(specifier);
      return isPackage ? await importIn(realPathOf(from))(specifier) : asNamespace(loaded);
    } catch (error) {
      if (!isJetplugError(error) || error.code !== 'JP_PLUGIN_IMPORT_ASYNC') throw error;
      return importIn(realPathOf(from))(this.urlOf(specifier, from, error));
    }
  }

  /**
   * Returns the URL of a module for Node.js. Node.js caches modules by URL for the life of the process, so the URL of a
   * file carries its version.
   */
  private urlOf(specifier: string, from: string, refused: JetplugError): string {
    if (!isPath(specifier)) return specifier;
    const file = this.find(specifier, from);
    if (!/\.m?js$/.test(file)) throw refused;
    return `${pathToFileURL(file).href}?${versionOf(file, new Map([[file, this.sources.get(file)!]]))}`;
  }

  private find(specifier: string, from: string): string {
    const found = findModule(specifier, from, (path) => this.given.has(path));
    if (found === undefined) throw notFound({ specifier, from }, this);
    return found;
  }
}

function parseJson(file: string, source: string): unknown {
  try {
    return JSON.parse(source.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const { message } = cause as SyntaxError;
    const position = /position (\d+)/.exec(message)?.[1];
    const line = position === undefined ? {} : { line: source.slice(0, Number(position)).split('\n').length };
    throw new JetplugError('JP_PLUGIN_LOAD_FAILED', `not JSON: ${message}`, { file, ...line, cause });
  }
}

function loadFailed(place: Partial<Location>, error: unknown): JetplugError {
  const cause = plainError(error);
  // Compiled code names an import `(0 , _sdk.Plugin)`.
  const text = cause.message.replaceAll(/\(0 ?, _\w+\.(\w+)\)/g, '$1');
  const message = isErrorLike(error) ? `${cause.name}: ${text}` : `it threw ${text}`;
  return new JetplugError('JP_PLUGIN_LOAD_FAILED', message, { ...place, cause });
}
