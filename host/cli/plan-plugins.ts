import type { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { discover } from '../load/discover';
import type { ReadPlugins } from '../plan/make-plan';
import { NameRegistry } from '../plugin/name-registry';
import { checkConfigOf, checkPlugins, type CheckedPlugin } from './check-plugins';
import { errorsOf } from './output';

/** The plugins of a plan, and the reasons why some could not be read. */
export interface PlannedPlugins extends ReadPlugins {
  readonly problems: readonly JetplugError[];
  /** The findings about each file. */
  readonly checked: readonly CheckedPlugin[];
}

/** Reads which assets the plugins need. Their code runs in a process of its own, without a network. */
export async function planPlugins(config: Config): Promise<PlannedPlugins> {
  const files = discover(config.plugins.dirs).found.map(({ file }) => file);
  const checked = await checkPlugins({ files, config: checkConfigOf(config), until: 'assets' });
  const names = new NameRegistry();
  const problems: JetplugError[] = [];
  for (const { plugin, problems: own } of checked) {
    problems.push(...own);
    try {
      if (plugin) names.take(plugin);
    } catch (failure) {
      problems.push(...errorsOf(failure));
    }
  }
  const plugins = checked.map(({ assets }) => assets).filter((assets) => assets !== undefined);
  return { plugins, problems, checked, hasUnread: problems.length > 0 };
}
