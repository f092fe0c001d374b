import type { DependencyContainer } from 'tsyringe';
import { JetplugError, pluginMark, type PluginClass } from '../../sdk/internal';
import type { PluginFile } from './discover';
import { noteClasses } from './classes';
import { noPlugin } from './why-no-plugin';
import { loadModules, valuesOf, type LoadedModules, type LoadModulesOptions } from './module-loader';
import type { ModuleTexts } from './module-graph';

/** A plugin's loaded class, and the modules that it came from. */
export interface CompiledPlugin {
  readonly file: string;
  readonly cls: PluginClass;
  /** A hash of the plugin's sources. */
  readonly version: string;
  readonly sources: LoadedModules['sources'];
  readonly texts: ModuleTexts;
  readonly contracts: LoadedModules['contracts'];
  /** The plugin's container, in which its modules have registered; absent if the class did not come from a file. */
  readonly container?: DependencyContainer;
  /** The classes that the plugin's modules have registered with tsyringe, which keeps them until they are forgotten. */
  readonly classes: readonly object[];
  readonly lateClasses?: LoadedModules['lateClasses'];
  /** The middleware of the config; absent if the config names no middleware. */
  readonly use?: LoadedModules['use'];
}

/**
 * Compiles a plugin's file in memory, loads it and picks its class.
 * @throws JetplugError `JP_PLUGIN_*` or `JP_MIDDLEWARE_NOT_LOADED`, with file and line
 */
export function compile({ file }: Pick<PluginFile, 'file'>, options?: LoadModulesOptions): CompiledPlugin {
  const { loaded, classes } = noteClasses(() => load(file, options));
  return { ...loaded, classes };
}

function load(file: string, options?: LoadModulesOptions): Omit<CompiledPlugin, 'classes'> {
  const { exports, ...modules } = loadModules(file, options);
  const values = typeof exports === 'function' ? [exports] : valuesOf(exports);
  const exported = [...new Set(values)].filter((value): value is PluginClass => pluginMark(value) !== undefined);
  if (exported.length > 1) {
    const names = exported.map(({ name }) => name).join(', ');
    throw new JetplugError('JP_PLUGIN_SEVERAL_EXPORTED', `the file exports ${exported.length} plugins: ${names}`, {
      file,
      line: 1,
    });
  }
  const [cls] = exported;
  if (!cls) throw noPlugin(file, exports, modules.sources);
  return { file, cls, ...modules };
}
