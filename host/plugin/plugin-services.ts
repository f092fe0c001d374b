import { JetStreamEventBus } from '../effects/event-bus';
import type { PluginDefinition } from '../load/describe';
import type { PluginHost } from './plugin-host';

/** Returns the settings of a plugin's section of the config, as they are written there. */
export function settingsOf({ name }: PluginDefinition, host: PluginHost): unknown {
  return host.config.plugins.sections[name]?.settings;
}

export function busOf({ outgoing, clock }: PluginHost): JetStreamEventBus {
  return new JetStreamEventBus(outgoing, clock);
}
