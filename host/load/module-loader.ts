import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { DependencyContainer } from 'tsyringe';
import {
  isEventContract,
  isJetplugError,
  JetplugError,
  topFrame,
  type EventContract,
  type Location,
} from '../../sdk/internal';
import { isErrorLike, plainError } from '../base/plain-error';
import { readMember } from '../base/thrown';
import { LoadingModules } from './circular-import';
import { loadShared, noteClasses } from './classes';
import { ownImportsOf, type ModuleHelp } from './compiled-code';
import { findModule, isDeclaration, isPath, realPathOf } from './find-module';
import { findPackage, type FoundPackage } from './find-package';
import { resolveInHost, shareHostPackages } from './host-packages';
import { asynchronousFile, asynchronousPackage, awaitsAtTop, notFound, typesOnly } from './import-errors';
import { asNamespace, importIn } from './import-native';
import { Limiter } from '../base/limiter';
import { createPluginContainer } from './plugin-container';
import { tsyringeFor } from './plugin-tsyringe';
import { transpile, transpileAside } from './transpile';

const hostRequire = createRequire(__filename);
/** Always the host's, with the plugin's own container in it. */
const TSYRINGE = 'tsyringe';

/** What a module exports, without what it only names and has not. */
export function valuesOf(exports: unknown): unknown[] {
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return [exports];
  return Object.keys(exports).flatMap((name) => {
    try {
      return [(exports as Record<string, unknown>)[name]];
    } catch {
      return []; // the name of a type that is gone at run time
    }
  });
}

/** A module as its author wrote it, and as the host compiled it. */
export interface ModuleText {
  readonly source: string;
  readonly code: string;
}

/** The texts of modules, by absolute path. */
export type ModuleTexts = ReadonlyMap<string, ModuleText>;

/** A plugin's own modules, loaded apart from every other plugin's and from earlier versions of itself. */
export interface LoadedModules {
  readonly exports: unknown;
  /** A hash of all its sources. */
  readonly version: string;
  /** Its source texts by absolute path, the plugin's own file first. */
  readonly sources: ReadonlyMap<string, string>;
  /** The same with what they were compiled to. */
  readonly texts: ModuleTexts;
  /** The plugin's dependency container, in which its modules register. */
  readonly container: DependencyContainer;
  /** The classes of modules that it imports while it runs; the list grows. */
  readonly lateClasses: readonly object[];
  /** The event contracts that its modules export, by subject. */
  readonly contracts: ReadonlyMap<string, EventContract>;
}

/**
 * Loads a plugin's file and what it imports by path; packages are looked up beside the file first,
 * then among the host's own, and are shared. `tsyringe` is always the host's.
 * @param given texts that stand for what is in the files
 * @throws JetplugError `JP_PLUGIN_SYNTAX`, `JP_PLUGIN_IMPORT_NOT_FOUND`, `JP_PLUGIN_LOAD_FAILED`, with file and line
 */
export function loadModules(file: string, given: ModuleTexts = new Map()): LoadedModules {
  const loader = new Loader(file, given);
  try {
    const exports = loader.load(file);
    compiledOf.set(loader.sources, loader.compiled);
    return {
      exports,
      version: versionOf(file, loader.sources),
      sources: loader.sources,
      texts: loader.texts,
      container: loader.container,
      lateClasses: loader.lateClasses,
      contracts: loader.contracts(),
    };
  } catch (error) {
    const place = placeIn(loader.sources, error) ?? { file };
    const plain = plainError(error);
    throw isJetplugError(plain) ? plain.with(place) : loadFailed(place, error);
  }
}

/**
 * The texts of a plugin's modules, compiled but not run, as far as they tell each other's names.
 * @throws JetplugError `JP_PLUGIN_SYNTAX`, or `JP_PLUGIN_LOAD_FAILED` where the file cannot be read
 */
export function readModules(file: string): Map<string, ModuleText> {
  const texts = new Map<string, ModuleText>();
  const paths = new Set([file]);
  // A Set hands out what is added while it is walked.
  for (const path of paths) {
    const text = readModule(path);
    texts.set(path, text);
    if (!isCode(path)) continue;
    for (const imported of importsOf(path, text.code)) paths.add(imported);
  }
  return texts;
}

/**
 * Has the modules of plugins compiled in threads, so that it is done when they are loaded in their turn. Each promise
 * resolves when that is so of one plugin; what cannot be compiled fails again when it is loaded, and is told then.
 */
export function compileAhead(files: readonly string[]): Promise<void>[] {
  const begun = new Set<string>();
  const compileAll = async (path: string): Promise<void> => {
    if (begun.has(path) || !isCode(path)) return;
    begun.add(path);
    const code = await transpileAside(path, readFileSync(path, 'utf8'));
    for (const imported of importsOf(path, code)) await compileAll(imported);
  };
  return files.map((file) => inThreads.take(() => compileAll(file).catch(() => undefined)));
}

/** As many as there are processors; the threads that do it also look up the names of servers. */
const inThreads = new Limiter(availableParallelism());

/** The files of the plugin's own that a module imports, those in it that it may never come to included. */
function importsOf(path: string, code: string): string[] {
  return ownImportsOf(code)
    .map((specifier) => (isPath(specifier) ? findModule(specifier, path, () => false) : findOwn(specifier, path)))
    .filter((imported) => imported !== undefined);
}

function findOwn(specifier: string, from: string): string | undefined {
  try {
    const { file, isOwn } = findPackage(specifier, from);
    return isOwn ? file : undefined;
  } catch {
    return undefined; // whoever loads it says so
  }
}

function readModule(path: string): ModuleText {
  const source = readSource(path);
  return { source, code: codeOf(path, source) };
}

/** @throws JetplugError `JP_PLUGIN_LOAD_FAILED` where the file is gone again, or may not be read */
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

function codeOf(path: string, source: string): string {
  return isCode(path) ? transpile(path, source) : source;
}

function isCode(path: string): boolean {
  return !/\.(json|node)$/.test(path);
}

interface OwnModule {
  exports: unknown;
}

/** Node's own module class compiles the text, so that source maps apply; finding and keeping modules is ours. */
interface NodeModule extends OwnModule {
  filename: string;
  jetplug: ModuleHelp;
  require(specifier: string): unknown;
  _compile(code: string, filename: string): unknown;
}
const NodeModule = Module as unknown as new (id: string) => NodeModule;

/** What was found for a folder in this turn of the event loop: plugins that start together ask for the same. */
const packages = new Map<string, unknown>();

type Body = (exports: unknown, require: NodeJS.Require, module: NodeModule, file: string, folder: string) => void;

/** Node knows a source map for as long as its module: that is as long as somebody has the plugin's sources. */
const compiledOf = new WeakMap<LoadedModules['sources'], ReadonlySet<NodeModule>>();

/** What plugins import of their own is compiled once for all of them, as what a module exports; each runs it for itself. */
const bodies = new Map<string, { readonly code: string; readonly module: NodeModule }>();
const MAX_BODIES = 1_000;

function bodyOf(file: string, code: string): NodeModule {
  const known = bodies.get(file);
  if (known?.code === code) return known.module;
  const module = new NodeModule(file);
  // On the first line, so that the lines stay what the source map says.
  module._compile(
    `module.exports = (0, function (exports, require, module, __filename, __dirname) {${code}\n});`,
    file,
  );
  bodies.set(file, { code, module });
  if (bodies.size > MAX_BODIES) bodies.delete(bodies.keys().next().value!);
  return module;
}

class Loader {
  readonly sources = new Map<string, string>();
  readonly texts = new Map<string, ModuleText>();
  /** Those that have the source maps. */
  readonly compiled = new Set<NodeModule>();
  readonly lateClasses: object[] = [];
  readonly container = createPluginContainer();
  private readonly tsyringe = tsyringeFor(this.container);
  private readonly modules = new Map<string, OwnModule>();
  private readonly loading: LoadingModules;

  constructor(
    readonly entry: string,
    private readonly given: ModuleTexts,
  ) {
    this.loading = new LoadingModules(entry);
    shareHostPackages();
  }

  load(file: string): unknown {
    const known = this.modules.get(file);
    if (known) {
      this.loading.met(file);
      return known.exports;
    }
    if (file.endsWith('.node')) return hostRequire(file);
    const { source, code } = this.textOf(file);
    const module = new NodeModule(file);
    module.filename = file;
    module.require = (specifier) => this.require(specifier, file);
    module.jetplug = {
      import: (specifier) => this.import(String(specifier), file),
      type: (read, exports) => this.loading.typeOf(read, exports),
    };
    this.modules.set(file, module);
    try {
      this.loading.run(file, module, () => this.evaluate(module, source, code));
    } catch (error) {
      // Another import of it tries again.
      this.modules.delete(file);
      throw awaitsAtTop(error) ? asynchronousFile(file, error, this) : error;
    }
    return module.exports;
  }

  private evaluate(module: NodeModule, source: string, code: string): void {
    const { filename: file } = module;
    if (extname(file) === '.json') module.exports = parseJson(file, source);
    else if (isDeclaration(file)) module.exports = typesOnly(file);
    else if (file === this.entry) this.compile(module, code);
    else this.run(module, code);
  }

  private compile(module: NodeModule, code: string): void {
    this.compiled.add(module);
    module._compile(code, module.filename);
  }

  private run(module: NodeModule, code: string): void {
    const { filename: file } = module;
    const compiled = bodyOf(file, code);
    this.compiled.add(compiled);
    const body = compiled.exports as Body;
    const require = Object.assign((specifier: string) => module.require(specifier), createRequire(file));
    body.call(module.exports, module.exports, require, module, file, dirname(file));
  }

  private textOf(file: string): ModuleText {
    const given = this.given.get(file);
    const source = given?.source ?? readSource(file);
    // Known before it is compiled: an error in it has a place.
    this.sources.set(file, source);
    const text = given ?? { source, code: codeOf(file, source) };
    this.texts.set(file, text);
    return text;
  }

  contracts(): Map<string, EventContract> {
    const values = [...this.modules.values()].flatMap(({ exports }) => valuesOf(exports));
    return new Map(values.filter(isEventContract).map((contract) => [contract.subject, contract]));
  }

  private require(specifier: string, from: string): unknown {
    if (Module.isBuiltin(specifier)) return hostRequire(specifier);
    if (isPath(specifier)) return this.load(this.find(specifier, from));
    if (specifier === TSYRINGE) return this.tsyringe;
    return this.package(specifier, from);
  }

  /** What `require` can load is loaded once for both; the rest is Node.js's own to import. */
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

  /** Node.js keeps a module for as long as the process runs: a file that was edited is another one to it. */
  private urlOf(specifier: string, from: string, refused: JetplugError): string {
    if (!isPath(specifier)) return specifier;
    const file = this.find(specifier, from);
    if (!/\.m?js$/.test(file)) throw refused;
    return `${pathToFileURL(file).href}?${versionOf(file, new Map([[file, this.sources.get(file)!]]))}`;
  }

  private package(specifier: string, from: string): unknown {
    const key = `${dirname(realPathOf(from))} ${specifier}`;
    if (packages.has(key)) return packages.get(key);
    const { file, isOwn } = this.findPackage(specifier, from);
    if (isOwn) return this.load(file);
    const loaded = this.loadPackage(file, specifier, from);
    if (packages.size === 0) setImmediate(() => packages.clear());
    packages.set(key, loaded);
    return loaded;
  }

  private loadPackage(file: string, specifier: string, from: string): unknown {
    try {
      return loadShared(() => hostRequire(file) as unknown);
    } catch (error) {
      const { code, message, requireStack } = error as NodeJS.ErrnoException & { requireStack?: string[] };
      if (code === 'ERR_REQUIRE_ASYNC_MODULE') throw asynchronousPackage({ specifier, from, cause: error }, this);
      // An ES module that needs a package of the host: Node.js looks for it beside the module alone.
      const missing = /^Cannot find package '([^']+)' imported from (.+)$/.exec(message);
      if (missing && (missing[1] === 'jetplug' || resolveInHost(missing[1]!) !== undefined)) return this.load(file);
      if (code !== 'MODULE_NOT_FOUND' && !missing) throw error;
      const name = missing?.[1] ?? /^Cannot find module '([^']+)'/.exec(message)?.[1] ?? '';
      throw notFound(
        { specifier: name, from: missing?.[2] ?? requireStack?.[0] ?? file, by: from, cause: error },
        this,
      );
    }
  }

  private find(specifier: string, from: string): string {
    const found = findModule(specifier, from, (path) => this.given.has(path));
    if (found === undefined) throw notFound({ specifier, from }, this);
    return found;
  }

  private findPackage(specifier: string, from: string): FoundPackage {
    try {
      return findPackage(specifier, from);
    } catch (error) {
      throw notFound({ specifier, from, cause: error }, this);
    }
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

function versionOf(file: string, sources: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  const base = dirname(file);
  for (const path of [...sources.keys()].sort()) hash.update(`${relative(base, path)}\n${sources.get(path)}\n`);
  return hash.digest('hex').slice(0, 12);
}

function loadFailed(place: Partial<Location>, error: unknown): JetplugError {
  const cause = plainError(error);
  const message = isErrorLike(error) ? `${cause.name}: ${cause.message}` : `it threw ${cause.message}`;
  return new JetplugError('JP_PLUGIN_LOAD_FAILED', message, { ...place, cause });
}

/** Where in the plugin's own files an error arose. */
export function placeIn(sources: Pick<ReadonlyMap<string, string>, 'has'>, error: unknown): Location | undefined {
  const stack = readMember(error, 'stack');
  return typeof stack === 'string' ? topFrame(stack, (path) => sources.has(resolvePath(path))) : undefined;
}

function resolvePath(path: string): string {
  return join(path.replace(/^file:\/\//, ''));
}

/** Where a class, or a method of it, stands in the plugin's sources. */
export function placeOf(sources: ReadonlyMap<string, string>, className: string, method?: string): Location {
  for (const [file, source] of sources) {
    const classAt = lineOf(source, className, CLASS);
    if (classAt < 0) continue;
    const methodAt = method === undefined ? 0 : lineOf(source.slice(classAt), method, METHOD);
    return { file, line: source.slice(0, classAt + Math.max(0, methodAt)).split('\n').length };
  }
  return { file: [...sources.keys()][0] ?? '', line: 1 };
}

/** The same of a member that may be no method: static, an accessor or a property. */
export function placeOfMember(sources: ReadonlyMap<string, string>, className: string, member: string): Location {
  for (const [file, source] of sources) {
    const classAt = lineOf(source, className, CLASS);
    if (classAt < 0) continue;
    const at = lineOf(source.slice(classAt), member, MEMBER);
    if (at >= 0) return { file, line: source.slice(0, classAt + at).split('\n').length };
  }
  return placeOf(sources, className);
}

/** How a name is declared: what stands on its line before it, and what after it. */
interface Declaration {
  readonly before: RegExp;
  readonly after: RegExp;
}

/** Not in a comment. */
const CLASS: Declaration = { before: /^(?!\s*(?:\*|\/\/|\/\*)).*\bclass\s+$/, after: /^(?![\w$])/ };
/** Its decorator may stand before it, or end, on the same line. */
const METHOD: Declaration = {
  before: /^[ \t]*(?:[@}].*\)[ \t]+)?(?:(?:public|private|protected|override|async)\s+)*\*?$/,
  after: /^\s*[(<]/,
};

/** Of whatever form, with modifiers in any order. */
const MEMBER: Declaration = {
  before:
    /^[ \t]*(?:[@}].*\)[ \t]+)?(?:(?:public|private|protected|override|async|static|readonly|declare|accessor|get|set)\s+)*\*?\s*$/,
  after: /^\s*[!?]?\s*(?:[(<=:;]|$)/m,
};

/** Where the line starts on which a name is declared; -1 where it is not. */
function lineOf(source: string, name: string, { before, after }: Declaration): number {
  for (let at = source.indexOf(name); at >= 0; at = source.indexOf(name, at + 1)) {
    const line = source.lastIndexOf('\n', at) + 1;
    if (before.test(source.slice(line, at)) && after.test(source.slice(at + name.length))) return line;
  }
  return -1;
}
