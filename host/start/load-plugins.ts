import { setImmediate as turn } from 'node:timers/promises';
import type { LoadedConfig } from '../config/config';
import { unusedSections } from '../config/unused-sections';
import type { Discovery } from '../load/discover';
import type { HostLog } from '../log/log';
import type { Plugins } from '../plugin/plugins';

/**
 * The number of plugins that are loaded in one turn of the event loop. Their requests to the server then leave
 * together. With more plugins, a turn would delay everything else for too long.
 */
const LOADED_TOGETHER = 10;

/**
 * Loads the files that were found and logs those that were skipped. Resolves when every plugin runs or has failed.
 * @param compiled for each found file, a promise that settles when the file is compiled
 */
export async function loadPlugins(
  plugins: Plugins,
  { found, skipped }: Discovery,
  compiled: readonly Promise<void>[],
  log: HostLog,
): Promise<void> {
  for (const { file, why, looksMeant, isStray } of skipped) {
    log[looksMeant || isStray ? 'info' : 'debug']('skipped a file in the plugins folder', { file, why });
  }
  const loads: Promise<unknown>[] = [];
  for (let first = 0; first < found.length; first += LOADED_TOGETHER) {
    await Promise.all(compiled.slice(first, first + LOADED_TOGETHER));
    for (const file of found.slice(first, first + LOADED_TOGETHER)) loads.push(plugins.load(file));
    await turn();
  }
  await Promise.all(loads);
}

/**
 * Warns of a section of the config that nearly names a plugin. Other unused sections are for plugins that may be
 * dropped in later.
 */
export function logUnusedSections(plugins: Plugins, config: LoadedConfig, log: HostLog): void {
  const names = plugins.entries.map(({ name }) => name);
  for (const { message: error, code, hint, file, line } of unusedSections(config, names)) {
    const level = error.includes('did you mean') ? 'warn' : 'info';
    log[level]('config section for a plugin that is not loaded', { error, code, hint, file, line });
  }
}
