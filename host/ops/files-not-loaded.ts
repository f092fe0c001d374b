import { JetplugError } from '../../sdk/internal';
import type { PluginsConfig } from '../config/config';
import { discover, whyRefused } from '../load/discover';
import type { PluginEntry } from '../plugin/plugins';

/** A file in a plugins folder that is not among the host's plugins. */
export interface FileNotLoaded {
  readonly file: string;
  /** Whether its author may have intended it as a plugin. */
  readonly looksMeant: boolean;
  /** The reason, with a hint. */
  readonly error: JetplugError;
}

/** The files in the plugins folders that are not plugins of this host, each with the reason. */
export function filesNotLoaded(
  entries: readonly Pick<PluginEntry, 'file'>[],
  { dirs, watch }: Pick<PluginsConfig, 'dirs' | 'watch'>,
): FileNotLoaded[] {
  const loaded = new Set(entries.map(({ file }) => file));
  // Folders that are missing or not readable have no files to list.
  const { found, skipped } = discover(dirs.filter((dir) => whyRefused(dir) === undefined));
  return [
    ...skipped
      .filter(({ file }) => !loaded.has(file))
      .map(({ file, why, looksMeant }) => ({
        file,
        looksMeant,
        error: new JetplugError('JP_PLUGIN_SKIPPED', `the file is skipped: ${why}`, { file }),
      })),
    ...found.filter(({ file }) => !loaded.has(file)).map(({ file }) => notTakenUp(file, watch)),
  ];
}

function notTakenUp(file: string, watch: boolean): FileNotLoaded {
  const why = watch
    ? 'the file is new, and is being taken up'
    : 'the file came after the start, and this host does not watch its plugins folders';
  const hint = watch ? 'Ask again in a second.' : 'Restart the host, or start it without --no-watch.';
  return { file, looksMeant: true, error: new JetplugError('JP_PLUGIN_SKIPPED', why, { file, hint }) };
}
