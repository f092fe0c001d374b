import { JetplugError } from '../../sdk/internal';
import type { HandlerDefinition, PluginDefinition } from '../load/describe';

/** The names of a plugin that no other plugin may have, with their places in the source. */
export interface Claimant extends Pick<PluginDefinition, 'name' | 'file' | 'where'> {
  readonly handlers: readonly Pick<HandlerDefinition, 'name' | 'durable' | 'where'>[];
}

/** The plugin name and the durables of each file. No two files may share one. */
export class NameRegistry {
  private readonly byFile = new Map<string, Claimant>();
  private readonly byName = new Holders();
  private readonly byDurable = new Holders();

  /**
   * Takes a plugin's name and durables for its file, in place of the names that the file had.
   * @throws JetplugError `JP_PLUGIN_DUPLICATE_NAME` or `JP_PLUGIN_DUPLICATE_DURABLE` when another file has one of them
   */
  take(plugin: Claimant): void {
    const namesake = this.byName.other(plugin.name, plugin.file);
    if (namesake) {
      throw new JetplugError(
        'JP_PLUGIN_DUPLICATE_NAME',
        `duplicate plugin name ${plugin.name}: it is that of ${namesake.file} and of ${plugin.file}`,
        {
          plugin: plugin.name,
          ...plugin.where,
        },
      );
    }
    for (const { durable, where } of plugin.handlers) {
      const other = this.byDurable.other(durable, plugin.file);
      if (!other) continue;
      const clash = other.handlers.find((handler) => handler.durable === durable);
      throw new JetplugError(
        'JP_PLUGIN_DUPLICATE_DURABLE',
        `duplicate durable ${durable}: it is also that of ${other.name}.${clash?.name} in ${other.file}`,
        {
          plugin: plugin.name,
          ...where,
        },
      );
    }
    this.put(plugin.file, plugin);
  }

  /**
   * Releases the names of a file.
   * @param present the version that still runs, whose names the file keeps
   */
  release(file: string, present?: Claimant): void {
    this.put(file, present);
  }

  private put(file: string, plugin: Claimant | undefined): void {
    const before = this.byFile.get(file);
    if (before) {
      this.byName.remove(before.name, before);
      for (const { durable } of before.handlers) this.byDurable.remove(durable, before);
      this.byFile.delete(file);
    }
    if (!plugin) return;
    this.byFile.set(file, plugin);
    this.byName.add(plugin.name, plugin);
    for (const { durable } of plugin.handlers) this.byDurable.add(durable, plugin);
  }
}

/**
 * The plugins that have a name. Two plugins may have the same name for a while, after a file went back to an earlier
 * version.
 */
class Holders {
  private readonly holders = new Map<string, Set<Claimant>>();

  other(key: string, file: string): Claimant | undefined {
    for (const holder of this.holders.get(key) ?? []) if (holder.file !== file) return holder;
    return undefined;
  }

  add(key: string, plugin: Claimant): void {
    const holders = this.holders.get(key);
    if (holders) holders.add(plugin);
    else this.holders.set(key, new Set([plugin]));
  }

  remove(key: string, plugin: Claimant): void {
    const holders = this.holders.get(key);
    holders?.delete(plugin);
    if (holders?.size === 0) this.holders.delete(key);
  }
}
