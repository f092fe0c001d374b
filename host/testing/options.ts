import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { covers, JetplugError, type PluginClass } from '../../sdk/internal';
import type { Config } from '../config/config';
import { loadConfig } from '../config/load';
import { keepClasses } from '../load/classes';
import type { CompiledPlugin } from '../load/compile';
import { classesOf } from '../load/dependencies';
import type { PluginDefinition } from '../load/describe';
import type { TestClock } from './test-clock';

/** What a test may say of its host; all of it is optional. */
export interface TestHostOptions {
  /** The settings of plugins, by plugin name: `{ badge: { milestones: [2] } }`. */
  readonly settings?: Readonly<Record<string, object>>;
  /** Where the time begins, and what moves it. Default: a clock that begins now. */
  readonly clock?: TestClock;
  /** What a config file would hold. The files of the project are not read. */
  readonly config?: object;
  /** Whether to run on a nats-server of its own rather than in memory; the time is then the machine's. Default `false`. */
  readonly server?: boolean;
}

export type AnyPluginClass = new (...args: never[]) => object;

let defaults: Config | undefined;

/** The built-in defaults, with what the test says of them. */
export function configOf({ config }: TestHostOptions): Config {
  // They are frozen, and take longer to read than a test to run.
  return config ? load(config) : (defaults ??= load({}));
}

function load(config: object): Config {
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-test-config-'));
  try {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(config));
    return loadConfig({ cwd: folder, env: {}, files: [file] }).config;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * With the settings given, and where the test names no streams of its own with the subjects of the plugins in the
 * default one: which stream holds what is the affair of a platform's config, not of a plugin's test.
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
  const [first, ...others] = streams;
  const subjects = [...first!.subjects];
  for (const { subject } of plugins.flatMap(({ handlers }) => handlers)) {
    const [head] = subject.split('.');
    const wanted = subject.includes('.') && head !== '*' ? `${head}.>` : subject;
    if (head !== '>' && head !== '*' && !subjects.some((own) => covers(own, subject))) subjects.push(wanted);
  }
  return [{ ...first!, subjects }, ...others];
}

/** A plugin's class that a test has loaded, as the host takes it from a file. */
export function asCompiled(given: AnyPluginClass): CompiledPlugin {
  const cls = given as unknown as PluginClass;
  // The test has them for longer than one host.
  keepClasses(classesOf(cls));
  return {
    file: cls.name,
    cls,
    classes: [],
    version: 'test',
    sources: new Map([[cls.name, '']]),
    texts: new Map(),
    contracts: new Map(),
  };
}
