import { covers, JetplugError } from '../../sdk/internal';
import { nearest } from '../config/suggest';
import { compile, type CompiledPlugin } from '../load/compile';
import { describe, type HandlerDefinition, type PluginDefinition } from '../load/describe';
import { nameByFile } from '../load/discover';
import { providersFor, type FolderProviders } from '../load/folder-providers';
import type { ReplayConfig, ReplayTarget } from './replay-protocol';

/** A plugin as it was loaded, and the providers of its folder. */
export interface FoundPlugin {
  readonly compiled: CompiledPlugin;
  readonly providers: FolderProviders | undefined;
}

/**
 * Loads the plugin with this name from one of the files.
 * @throws JetplugError `JP_NOT_FOUND` if no file has it, or the errors of a file that is named like the plugin
 */
export function findPlugin({ files, plugin }: ReplayTarget, config: ReplayConfig): FoundPlugin {
  const others: string[] = [];
  let broken = 0;
  for (const file of files) {
    try {
      const providers = providersFor(file, config.plugins.dirs);
      const compiled = compile({ file }, { use: config.plugins.use, shared: providers });
      const { name } = describe(compiled, config);
      if (name === plugin) return { compiled, providers };
      others.push(name);
    } catch (error) {
      if (nameByFile(file) === plugin) throw error;
      // Another plugin may be broken; `jetplug check` reports that.
      broken++;
    }
  }
  throw noPlugin(plugin, others, broken);
}

function noPlugin(plugin: string, others: readonly string[], broken: number): JetplugError {
  const meant = nearest(plugin, others);
  const mean = meant === undefined ? '' : `; did you mean ${meant}?`;
  const message = `there is no plugin ${JSON.stringify(plugin)} in the plugins folders${mean}`;
  const known = others.length === 0 ? 'The folders have no plugin.' : `The plugins are ${others.join(', ')}.`;
  const left = broken === 0 ? '' : ` ${broken} more cannot be loaded: \`npx jetplug check\` says why.`;
  return new JetplugError('JP_NOT_FOUND', message, { hint: known + left });
}

/**
 * Returns the handler that the run is for.
 * @throws JetplugError `JP_NOT_FOUND` or `JP_USAGE`, with the handlers that there are
 */
export function findHandler({ name, handlers }: PluginDefinition, target: ReplayTarget): HandlerDefinition {
  const { subject, handler: asked } = target;
  const all = handlers.map((one) => `${one.name} (${one.subject})`).join(', ');
  const hint = `The handlers of ${name} are ${all}.`;
  const named = asked === undefined ? handlers : handlers.filter((one) => one.name === asked || one.method === asked);
  if (named.length === 0) throw new JetplugError('JP_NOT_FOUND', `${name} has no handler ${asked}`, { hint });
  const taking = named.filter((one) => covers(one.subject, subject));
  const [found, ...more] = taking;
  if (!found) {
    const which = asked === undefined ? `no handler of ${name} takes` : `${name}.${asked} does not take`;
    throw new JetplugError('JP_USAGE', `${which} an event of the subject ${subject}`, { hint });
  }
  if (more.length === 0) return found;
  const names = taking.map((one) => one.name).join(', ');
  throw new JetplugError('JP_USAGE', `several handlers of ${name} take ${subject}: ${names}`, {
    hint: `Choose one with --handler ${found.name}, for example.`,
  });
}
