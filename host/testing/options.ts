import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Middleware, MiddlewareFunction, Providers } from '../../sdk';
import { declaredSubjects, JetplugError, usedMiddleware, type PluginClass } from '../../sdk/internal';
import type { Config } from '../config/config';
import { loadConfig } from '../config/load';
import { keepClasses } from '../load/classes';
import type { CompiledPlugin } from '../load/compile';
import { classesOf } from '../load/dependencies';
import type { PluginDefinition } from '../load/describe';
import { isMiddleware, isMiddlewareClass } from '../load/middleware';
import type { TestClock } from './test-clock';

/** Options of a test host. */
export interface TestHostOptions {
  /** The settings of plugins, by plugin name: `{ badge: { milestones: [2] } }`. */
  readonly settings?: Readonly<Record<string, object>>;
  /** The clock that the test moves. Default: one that starts now. */
  readonly clock?: TestClock;
  /** The content of a config file. The config files of the project are not read. Default: empty. */
  readonly config?: object;
  /**
   * The middleware around every handler, as `plugins.use` of the config has it; the outermost first. Default: none. The
   * middleware of `@Use` runs without being named here.
   */
  readonly use?: readonly (MiddlewareFunction | (new (...args: never[]) => Middleware))[];
  /**
   * The providers that the plugins share, as the file `providers.ts` of their folder has them. They start and stop with
   * the host. Default: none.
   */
  readonly providers?: Providers;
  /**
   * Whether to run the plugins on a nats-server of the test's own, in the machine's time, rather than in memory.
   * Default `false`.
   */
  readonly server?: boolean;
}

export type AnyPluginClass = new (...args: never[]) => object;

/** The stream of tests that configure none. It also holds the subjects of the plugins. */
const DEFAULT_STREAMS = [{ name: 'EVENTS', subjects: ['events.>'] }];

let defaults: Config | undefined;

/**
 * Returns the config of the test, on top of the built-in defaults.
 * @internal
 */
export function configOf({ config }: TestHostOptions): Config {
  // The defaults are frozen, so all tests of a file share them. To read them anew would take longer than a test.
  const loaded = config ? load(config) : (defaults ??= load({}));
  if (loaded.plugins.use.length === 0) return loaded;
  // The kit's own copy of a module would not be the one that the test has imported.
  const hint = 'Import the middleware in the test, and pass it as the option `use` of testHost.';
  throw new JetplugError('JP_CONFIG_INVALID', 'plugins.use: a test host loads no modules', { hint });
}

function load(config: object): Config {
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-test-config-'));
  try {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify({ streams: DEFAULT_STREAMS, ...config }));
    return loadConfig({ cwd: folder, env: {}, files: [file] }).config;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Adds the test's settings. Where the test configures no streams, one stream holds the subjects of the plugins and of
 * all contracts that are loaded, because the streams are a matter of the platform's config and not of a plugin's test.
 * @internal
 */
export function completed(config: Config, options: TestHostOptions, plugins: readonly PluginDefinition[]): Config {
  const sections = { ...config.plugins.sections };
  for (const [name, settings] of Object.entries(options.settings ?? {})) {
    if (!plugins.some((plugin) => plugin.name === name)) {
      const known = plugins.map((plugin) => plugin.name).join(', ');
      throw new JetplugError('JP_CONFIG_UNKNOWN_KEY', `settings.${name}: there is no such plugin; there are ${known}`);
    }
    sections[name] = { enabled: true, ...sections[name], settings };
  }
  const streams = options.config && 'streams' in options.config ? config.streams : widened(config, plugins);
  return { ...config, streams, plugins: { ...config.plugins, sections } };
}

function widened({ streams }: Config, plugins: readonly PluginDefinition[]): Config['streams'] {
  const handled = plugins.flatMap(({ handlers }) => handlers.map(({ subject }) => subject));
  const subjects = new Set(streams[0]!.subjects);
  for (const subject of [...handled, ...declaredSubjects()]) {
    const [head] = subject.split('.');
    const wanted = subject.includes('.') && head !== '*' ? `${head}.>` : subject;
    if (head !== '>' && head !== '*') subjects.add(wanted);
  }
  return [{ ...streams[0]!, subjects: [...subjects] }];
}

/**
 * Returns a plugin class that a test has imported, in the form of a class that the host has compiled from a file.
 * @internal
 */
export function asCompiled(imported: AnyPluginClass, given: TestHostOptions['use'] = []): CompiledPlugin {
  const cls = imported as unknown as PluginClass;
  const use = (given as readonly unknown[]).filter(isMiddleware);
  if (use.length < given.length) {
    const message = 'the option use of testHost has a value that is no middleware';
    throw new JetplugError('JP_MIDDLEWARE_INVALID', message);
  }
  const { ofPlugin, ofMethods } = usedMiddleware(cls);
  const middleware = [...use, ...ofPlugin, ...[...ofMethods.values()].flat()].filter(isMiddlewareClass);
  // The test uses the classes for longer than one host run.
  keepClasses([cls, ...middleware].flatMap((one) => classesOf(one)));
  return {
    file: cls.name,
    cls,
    classes: [],
    version: 'test',
    sources: new Map([[cls.name, '']]),
    texts: new Map(),
    contracts: [],
    use,
  };
}
