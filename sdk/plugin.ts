import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { IsJson } from './json';
import type { SettingsIn } from './settings';
import type { Store } from './store';

/** Options of `@Plugin`. */
export interface PluginOptions<Schema extends StandardSchemaV1 = StandardSchemaV1> {
  /** The plugin's name, of `[a-z0-9-]`. Default: the class's name in kebab-case, without `Plugin`. */
  name?: string;
  /** One line for the operator that describes the plugin. */
  description?: string;
  /** Validates `plugins.<name>.settings` of the config; any Standard Schema. See `Settings`. */
  settings?: Schema;
  /**
   * Where the plugin's code runs: `inline` in the host, or `process` in a process of its own with memory limits. If the
   * code loops for ever, runs out of memory or exits, only that process is lost. Default: `inline`. The config's section
   * of the plugin overrides it.
   */
  isolation?: Isolation;
  /**
   * The number of processes, if `isolation` is `process`. Several processes help handlers that keep a processor busy.
   * Each process has its own instance of the plugin. Default: 1.
   */
  processes?: number;
}

/** Where a plugin's code may run. */
export const ISOLATIONS = ['inline', 'process'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Hooks that run before the first event and after the last. Both are optional. */
export interface PluginLifecycle {
  /** Runs before the first event. The plugin consumes events once its promise has resolved. If it fails, the host reports the error and does not run the plugin. */
  onStart?(): unknown;
  /** Runs after the last handler has finished, when the plugin is removed or replaced, or the host stops. It may take 10 s. */
  onStop?(): unknown;
}

export interface PluginMark {
  readonly options: PluginOptions;
  /** Whether the decorator stands without parentheses. */
  readonly isBare?: boolean;
}

export const PLUGIN_MARK: unique symbol = Symbol.for('jetplug.plugin') as never;

type Constructor = new (...args: never[]) => object;

type Injected<Class> = Class extends new (...args: infer Parameters) => object ? Parameters[number] : never;

/** Refuses a class that injects a store of values that JSON cannot hold. */
type StoresJson<Parameter> =
  Parameter extends Store<infer T>
    ? IsJson<T> extends true
      ? never
      : 'a Store has a type that JSON cannot hold, such as Date, Map, undefined or a function'
    : never;

/** Refuses a class that asks for other settings than the schema yields. */
type AsksForSchema<Parameter, Schema> = [Schema] extends [never]
  ? never
  : SettingsIn<Parameter> extends infer Asked
    ? [Asked] extends [never]
      ? never
      : Schema extends StandardSchemaV1<unknown, infer Output>
        ? Output extends Asked
          ? never
          : 'the constructor asks for other Settings than the schema yields'
        : never
    : never;

type Problem<Parameter, Schema> = StoresJson<Parameter> | AsksForSchema<Parameter, Schema>;

type PluginDecorator<Schema> = <Class extends Constructor>(
  target: [Problem<Injected<Class>, Schema>] extends [never] ? Class : Problem<Injected<Class>, Schema>,
) => void;

/**
 * Makes a class a plugin. The host finds it in a plugins folder, builds it with the services that its constructor injects,
 * and creates a durable consumer for each `@Subscribe` method.
 *
 * ```ts
 * @Plugin({ description: 'Awards viewing badges' })
 * export class BadgePlugin {
 *   constructor(private readonly watches: Store<number>, private readonly events: EventBus) {}
 *
 *   @Subscribe({ from: 'beginning' })
 *   async award(event: VideoWatchStarted) { … }
 * }
 * ```
 */
export function Plugin<Schema extends StandardSchemaV1 = never>(
  options: PluginOptions<Schema> = {},
): PluginDecorator<Schema> {
  // Without parentheses, the decorator itself gets the class.
  if (typeof options === 'function') return mark(options, { options: {}, isBare: true }) as never;
  return (target) => mark(target, { options });
}

function mark(target: object, value: PluginMark): void {
  Object.defineProperty(target, PLUGIN_MARK, { value });
}
