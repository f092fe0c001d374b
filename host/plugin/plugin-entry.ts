import type { JetplugError } from '../../sdk/internal';
import type { PluginDefinition } from '../load/describe';
import type { ProcessState } from '../load/plugin-code';
import type { ConsumingHandler } from './consume';
import type { Reload } from './reloads';

export type PluginState = 'loading' | 'running' | 'waiting' | 'paused' | 'failed' | 'stopped';

/** A plugin file and its present state. */
export interface PluginEntry {
  readonly file: string;
  /** The plugin's name, or the file's name if the plugin could not be read. */
  readonly name: string;
  readonly version: string | undefined;
  /**
   * The definition of the version that runs, else of the version that was read last; absent where the plugin could not
   * be read.
   */
  readonly definition: PluginDefinition | undefined;
  readonly state: PluginState;
  /** Why the plugin does not run, or why its newest version does not. */
  readonly errors: readonly JetplugError[];
  readonly handlers: readonly ConsumingHandler[];
  /** The plugin's own processes, where it is isolated and runs. */
  readonly processes: readonly ProcessState[] | undefined;
  /** The plugin's last reloads, the newest last. */
  readonly reloads: readonly Reload[];
}

/**
 * Returns the state of a plugin that runs: waiting if one of its handlers is waiting, else paused if one of them is
 * paused, else running.
 */
export function runningState(handlers: readonly Pick<ConsumingHandler, 'state'>[]): PluginState {
  const states = new Set(handlers.map(({ state }) => state));
  if (states.has('waiting')) return 'waiting';
  return states.has('paused') ? 'paused' : 'running';
}
