import type { Config, SourceOf } from '../config/config';
import type { Injected } from '../load/dependencies';
import type { PluginDefinition } from '../load/describe';
import { whereInConfig, type ConfigPlace } from './explain-options';

/** A constructor parameter and the service that it got. */
export interface ExplainedInjection extends Pick<Injected, 'index' | 'name' | 'type'> {
  /** The service in words, such as `the bucket jetplug-badge`. */
  readonly got: string;
  /** The place of the values in the config, if the service is the plugin's settings. */
  readonly settings?: ConfigPlace;
}

interface HostConfig {
  readonly config: Pick<Config, 'plugins'>;
  readonly sourceOf: SourceOf;
}

/** Explains the parameters of a plugin's constructor. */
export function explainInjected(plugin: PluginDefinition, host: HostConfig): ExplainedInjection[] {
  return plugin.injected.map((injected) => {
    const { index, name, type, service } = injected;
    const settings = service === 'settings' ? settingsIn(plugin.name, host) : undefined;
    return {
      index,
      ...(name === undefined ? {} : { name }),
      type,
      got: gotOf(injected, plugin.name, settings !== undefined),
      ...(settings && { settings }),
    };
  });
}

function gotOf({ service, own, type }: Injected, plugin: string, hasSettings: boolean): string {
  switch (service) {
    case 'store':
      return `the bucket jetplug-${plugin}`;
    case 'bus':
      return 'the event bus';
    case 'logger':
      return `the host’s log, with plugin ${plugin} on each line`;
    case 'clock':
      return 'the host’s clock';
    case 'settings':
      return hasSettings ? `plugins.${plugin}.settings of the config` : 'the defaults of its schema';
    default:
      if (own === undefined) return `the host’s ${type}`;
      if (own === 'shared by the folder') return `${type} of the folder’s providers`;
      return own === 'by its token' ? `the value of the token ${type}` : `an instance of ${type}, ${own}`;
  }
}

/** The place of a plugin's first setting in the config. The config records places for single values only, not for maps. */
function settingsIn(plugin: string, { config, sourceOf }: HostConfig): ConfigPlace | undefined {
  let value = config.plugins.sections[plugin]?.settings;
  if (value === undefined) return undefined;
  const key = `plugins.${plugin}.settings`;
  let path = key;
  while (sourceOf(path).layer === 'default' && typeof value === 'object' && value !== null) {
    const [first] = Object.entries(value as Record<string, unknown>);
    if (!first) break;
    path += `.${first[0]}`;
    value = first[1];
  }
  return { ...whereInConfig(path, sourceOf), key };
}
