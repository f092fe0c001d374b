import { JetplugError } from '../../sdk/internal';
import type { LoadedConfig } from './config';
import { nearest } from './suggest';

/** Reports sections of the config for plugins that do not exist. Most often the name is mistyped. */
export function unusedSections({ config, sourceOf }: LoadedConfig, plugins: readonly string[]): JetplugError[] {
  return Object.keys(config.plugins.sections)
    .filter((name) => !plugins.includes(name))
    .map((name) => {
      const meant = nearest(name, plugins);
      const source = sourceOf(`plugins.${name}`);
      const place = source.layer === 'file' ? { file: source.file, line: source.line } : {};
      const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
      const known = plugins.length === 0 ? 'there are no plugins' : `the plugins are ${[...plugins].sort().join(', ')}`;
      return new JetplugError('JP_CONFIG_UNKNOWN_KEY', `plugins.${name}: there is no such plugin${mean}`, {
        ...place,
        hint: meant === undefined ? `Remove the section, or add the plugin; ${known}.` : `Write ${meant}.`,
      });
    });
}
