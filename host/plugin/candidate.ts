import type { PluginDefinition } from '../load/describe';
import type { PluginVersion } from './version';
import type { Closable } from './step';

/** A compiled plugin, whose code runs in the host or in a process of its own. */
export interface Candidate extends Closable {
  /**
   * Reads the plugin's definition.
   * @throws JetplugError, or an AggregateError of all problems
   */
  describe(): Promise<DescribedCandidate>;
}

/** A plugin whose definition is known. */
export interface DescribedCandidate extends Closable {
  readonly definition: PluginDefinition;
  /** Builds the plugin and calls its `onStart`, within `plugins.startTimeoutMs`. */
  instantiate(): Promise<PluginVersion>;
}

/** A plugin whose name and durables no other plugin has. */
export interface ClaimedCandidate extends DescribedCandidate {
  readonly claimed: true;
}
