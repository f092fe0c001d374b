import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import Module, { builtinModules, createRequire } from 'node:module';
import { dirname, extname, join, relative, resolve } from 'node:path';
import {
  isEventContract,
  isJetplugError,
  JetplugError,
  topFrame,
  type EventContract,
  type Location,
} from '../../sdk/internal';
import { isError, showThrown } from '../thrown';
import { loadShared } from './classes';
import { transpile } from './transpile';

const hostRequire = createRequire(__filename);
const BUILTINS = new Set(builtinModules);
/** Its decorators register classes with the container that the host builds from: there must be one of it. */
const SHARED = 'tsyringe';
const EXTENSIONS = ['', '.ts', '.js', '.json', '/index.ts', '/index.js'];

/** A plugin's own modules, loaded apart from every other plugin's and from earlier versions of itself. */
export interface LoadedModules {
  readonly exports: unknown;
  /** A hash of all its sources. */
  readonly version: string;
  /** Its source texts by absolute path, the plugin's own file first. */
  readonly sources: ReadonlyMap<string, string>;
  /** The event contracts that its modules export, by subject. */
  readonly contracts: ReadonlyMap<string, EventContract>;
}

/**
 * Loads a plugin's file and what it imports by path; packages are looked up beside the file first,
 * then among the host's own, and are shared. `tsyringe` is always the host's.
 * @throws JetplugError `JP_PLUGIN_SYNTAX`, `JP_PLUGIN_IMPORT_NOT_FOUND`, `JP_PLUGIN_LOAD_FAILED`, with file and line
 */
export function loadModules(file: string): LoadedModules {
  const loader = new Loader(file);
  try {
    const exports = loader.load(file);
    return {
      exports,
      version: versionOf(file, loader.sources),
      sources: loader.sources,
      contracts: loader.contracts(),
    };
  } catch (error) {
    throw isJetplugError(error) ? error : loadFailed(file, error, loader.sources);
  }
}

interface OwnModule {
  exports: unknown;
}

/** Node's own module class compiles the text, so that source maps apply; finding and keeping modules is ours. */
interface NodeModule extends OwnModule {
  filename: string;
  paths: string[];
  require(specifier: string): unknown;
  _compile(code: string, filename: string): unknown;
}
const NodeModule = Module as unknown as new (id: string) => NodeModule;

class Loader {
  readonly sources = new Map<string, string>();
  private readonly modules = new Map<string, OwnModule>();

  constructor(private readonly entry: string) {}

  load(file: string): unknown {
    const known = this.modules.get(file);
    if (known) return known.exports;
    const source = readFileSync(file, 'utf8');
    this.sources.set(file, source);
    const module = new NodeModule(file);
    module.filename = file;
    module.require = (specifier) => this.require(specifier, file);
    this.modules.set(file, module);
    if (extname(file) === '.json') module.exports = parseJson(file, source);
    else module._compile(transpile(file, source), file);
    return module.exports;
  }

  contracts(): Map<string, EventContract> {
    const values = [...this.modules.values()].flatMap(({ exports }) => Object.values(exports ?? {}) as unknown[]);
    return new Map(values.filter(isEventContract).map((contract) => [contract.subject, contract]));
  }

  private require(specifier: string, from: string): unknown {
    if (specifier.startsWith('node:') || BUILTINS.has(specifier)) return hostRequire(specifier);
    if (/^\.{0,2}\//.test(specifier) || specifier === '.' || specifier === '..')
      return this.load(this.find(specifier, from));
    return loadShared(() => hostRequire(this.findPackage(specifier, from)) as unknown);
  }

  private find(specifier: string, from: string): string {
    const base = resolve(dirname(from), specifier);
    // TypeScript lets `./x.js` stand for `./x.ts`.
    const bases = base.endsWith('.js') ? [base, base.slice(0, -3)] : [base];
    for (const candidate of bases.flatMap((path) => EXTENSIONS.map((extension) => path + extension))) {
      if (statSync(candidate, { throwIfNoEntry: false })?.isFile()) return candidate;
    }
    throw this.notFound(specifier, from);
  }

  private findPackage(specifier: string, from: string): string {
    const beside = () => createRequire(realpathSync(from)).resolve(specifier);
    const ours = () => hostRequire.resolve(specifier);
    let cause: unknown;
    for (const attempt of specifier === SHARED ? [ours] : [beside, ours]) {
      try {
        return attempt();
      } catch (error) {
        cause = error;
      }
    }
    throw this.notFound(specifier, from, cause);
  }

  private notFound(specifier: string, from: string, cause?: unknown): JetplugError {
    const lines = this.sources.get(from)?.split('\n') ?? [];
    const line = lines.findIndex((text) => text.includes(`'${specifier}'`) || text.includes(`"${specifier}"`)) + 1;
    const through = from === this.entry ? '' : `, which ${this.entry} imports`;
    return new JetplugError(
      'JP_PLUGIN_IMPORT_NOT_FOUND',
      `cannot find ${JSON.stringify(specifier)}, imported by ${from}${through}`,
      {
        file: from,
        ...(line > 0 ? { line } : {}),
        cause,
      },
    );
  }
}

function parseJson(file: string, source: string): unknown {
  try {
    return JSON.parse(source);
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

function loadFailed(file: string, error: unknown, sources: ReadonlyMap<string, string>): JetplugError {
  const place = placeIn(sources, error) ?? { file };
  const message = isError(error) ? `${error.name}: ${error.message}` : `it threw ${showThrown(error)}`;
  return new JetplugError('JP_PLUGIN_LOAD_FAILED', message, { ...place, cause: error });
}

/** Where in the plugin's own files an error arose. */
export function placeIn(sources: Pick<ReadonlyMap<string, string>, 'has'>, error: unknown): Location | undefined {
  const stack = (error as { stack?: unknown } | null | undefined)?.stack;
  return typeof stack === 'string' ? topFrame(stack, (path) => sources.has(resolvePath(path))) : undefined;
}

function resolvePath(path: string): string {
  return join(path.replace(/^file:\/\//, ''));
}

/** Where a class, or a method of it, stands in the plugin's sources. */
export function placeOf(sources: ReadonlyMap<string, string>, className: string, method?: string): Location {
  for (const [file, source] of sources) {
    const classAt = source.search(new RegExp(`${NO_COMMENT}.*\\bclass\\s+${whole(className)}`, 'm'));
    if (classAt < 0) continue;
    const inClass = source.slice(classAt);
    const methodAt = method === undefined ? 0 : inClass.search(new RegExp(`${METHOD}${whole(method)}\\s*[(<]`, 'm'));
    return { file, line: source.slice(0, classAt + Math.max(0, methodAt)).split('\n').length };
  }
  return { file: [...sources.keys()][0] ?? '', line: 1 };
}

const NO_COMMENT = String.raw`^(?!\s*(?:\*|\/\/|\/\*))`;
/** Up to a method's name; its decorator may stand before it, or end, on the same line. */
const METHOD = String.raw`^[ \t]*(?:[@}].*\)[ \t]+)?(?:(?:public|private|protected|override|async)\s+)*\*?`;

function whole(name: string): string {
  return `${name.replaceAll('$', '\\$')}(?![\\w$])`;
}
