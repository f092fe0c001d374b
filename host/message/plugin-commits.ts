import type { PluginLog } from '../records/commits/plugin-log';

/** The commit log of a plugin, as its handlers' runs use it. */
export interface PluginCommits {
  /** The open log; undefined while the plugin has none. A plugin that keeps nothing and publishes nothing has none. */
  readonly log: PluginLog | undefined;
  /** Opens the log if it exists on the server. */
  find(): Promise<PluginLog | undefined>;
  /** Reads what other hosts have committed by now, if the log exists on the server. */
  refresh(): Promise<void>;
  /** Opens the log, and creates it if it is missing. */
  open(): Promise<PluginLog>;
}
