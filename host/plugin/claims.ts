import { JetplugError } from '../../sdk/internal';
import type { PluginDefinition } from './describe';

/** Which file has which plugin name and which durables: no two may share one. */
export class Claims {
  private readonly byFile = new Map<string, PluginDefinition>();

  /**
   * Takes a plugin's name and durables for its file, in place of what the file had.
   * @throws JetplugError `JP_PLUGIN_DUPLICATE_NAME` or `JP_PLUGIN_DUPLICATE_DURABLE` when another file has one of them
   */
  take(plugin: PluginDefinition): void {
    for (const other of this.byFile.values()) {
      if (other.file === plugin.file) continue;
      if (other.name === plugin.name) {
        throw new JetplugError(
          'JP_PLUGIN_DUPLICATE_NAME',
          `${plugin.name} is also the name of the plugin in ${other.file}`,
          {
            plugin: plugin.name,
            ...plugin.where,
          },
        );
      }
      for (const { durable, where } of plugin.handlers) {
        const clash = other.handlers.find((handler) => handler.durable === durable);
        if (!clash) continue;
        throw new JetplugError(
          'JP_PLUGIN_DUPLICATE_DURABLE',
          `${durable} is also the durable of ${other.name}.${clash.name} in ${other.file}`,
          {
            plugin: plugin.name,
            ...where,
          },
        );
      }
    }
    this.byFile.set(plugin.file, plugin);
  }

  /** Gives back what the file had; or leaves it with an earlier version of it. */
  release(file: string, keeps?: PluginDefinition): void {
    if (keeps) this.byFile.set(file, keeps);
    else this.byFile.delete(file);
  }
}
