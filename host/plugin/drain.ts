import type { PartedLog } from '../log';
import type { ConsumingHandler } from './consume';
import { lifecycleError, type ContainedPlugin } from './contain';
import type { PluginDefinition } from './describe';

/** Ends a plugin's life: its handlers stop, then it is told, then what was made for it is released. */
export async function drain(
  plugin: PluginDefinition,
  contained: ContainedPlugin,
  handlers: readonly ConsumingHandler[],
  graceMs: number,
  log: PartedLog,
): Promise<void> {
  await Promise.all(handlers.map((handler) => handler.stop(graceMs)));
  try {
    await contained.instance.onStop?.();
    await contained.release();
  } catch (error) {
    log.error('a plugin did not stop cleanly', {
      plugin: plugin.name,
      err: lifecycleError('JP_PLUGIN_STOP_FAILED', 'onStop', plugin, error),
    });
  }
}
