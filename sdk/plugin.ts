import type { StandardSchemaV1 } from '@standard-schema/spec';

/** What `@Plugin` may be told. */
export interface PluginOptions {
  /** The plugin's name, of `[a-z0-9-]`. Default: the class's name in kebab-case, without `Plugin`. */
  name?: string;
  /** One line on what it does, for the operator. */
  description?: string;
  /** Validates `plugins.<name>.settings` of the config; any Standard Schema. See `Settings`. */
  settings?: StandardSchemaV1;
  /**
   * Where the plugin's code runs: `inline`, in the host, or `process`, in a process of its own with limits on
   * its memory, which alone is lost when the code loops for ever, runs out of memory or exits. Default: `inline`.
   * The config's word counts more.
   */
  isolation?: Isolation;
  /** How many such processes the plugin has, for handlers that keep a processor busy. Each has an instance of its own. Default: 1. */
  processes?: number;
}

/** Where a plugin's code may run. */
export const ISOLATIONS = ['inline', 'process'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Work to do before the first event and after the last. Both methods are optional. */
export interface PluginLifecycle {
  /** Runs before the first event; the plugin consumes when it has resolved. A failure is reported, and the plugin does not run. */
  onStart?(): unknown;
  /** Runs when the last handler has finished, before the host exits. */
  onStop?(): unknown;
}

export interface PluginMark {
  readonly options: PluginOptions;
}

export const PLUGIN_MARK: unique symbol = Symbol.for('jetplug.plugin') as never;

type Constructor = new (...args: never[]) => object;

/**
 * Makes a class a plugin: the host finds it in a plugins folder, builds it with what its
 * constructor asks for, and gives each `@Subscribe` method a durable consumer of its own.
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
export function Plugin(options: PluginOptions = {}): (target: Constructor) => void {
  const mark: PluginMark = { options };
  return (target) => void Object.defineProperty(target, PLUGIN_MARK, { value: mark });
}
