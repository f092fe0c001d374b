import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config';
import type { PluginDefinition } from '../load/describe';
import type { PluginFile } from '../load/discover';
import { isProvidersFile } from '../load/folder-providers';
import { ContractRecords } from './contract-records';
import type { HostLimits } from './host-limits';
import type { Faults, Suspect } from './faults';
import { ManagedPlugin, type LoadReason, type PluginsContext } from './managed-plugin';
import { NameRegistry } from './name-registry';
import type { PluginEntry } from './plugin-entry';
import type { PluginHost } from './plugin-host';
import { ReloadReports } from './reload-reports';
import type { Reloads } from './reloads';

export type { PluginEntry, PluginState } from './plugin-entry';

/** The plugins of a host, by file. The changes of one file are made one after the other. */
export class Plugins {
  private readonly managed = new Map<string, ManagedPlugin>();
  private readonly context: PluginsContext;
  private readonly contracts: ContractRecords;

  constructor(
    private host: Omit<PluginHost, 'claim'>,
    readonly faults: Faults,
  ) {
    this.contracts = new ContractRecords(host);
    this.context = {
      host: () => this.host,
      names: new NameRegistry(),
      contracts: this.contracts,
      reports: new ReloadReports(host.log),
    };
  }

  get reloads(): Reloads {
    return this.context.reports.reloads;
  }

  /** The limits that all handlers share. */
  get limits(): HostLimits {
    return this.host.limits ?? {};
  }

  /** The entries of all plugins, ordered by name. */
  get entries(): PluginEntry[] {
    return this.list.map(({ entry }) => entry).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The definitions of all plugins that could be read, both of the version that runs and of the version that was read
   * last.
   */
  get definitions(): PluginDefinition[] {
    return this.list.flatMap(({ definitions }) => definitions);
  }

  /** The files of the config's middleware, of which every plugin is made, even one that could not be read. */
  get middlewareFiles(): readonly string[] {
    return this.host.config.plugins.use;
  }

  /**
   * All plugins that may be at fault for an error or a blocked event loop. A plugin that was not read yet is listed
   * with its file alone.
   */
  get suspects(): Suspect[] {
    return this.list.flatMap<Suspect>(({ definitions, name, file }) =>
      definitions.length > 0 ? definitions : [{ name, sources: new Set([file.file]) }],
    );
  }

  /**
   * Starts a plugin, or replaces the running version of its file. Never rejects: the resulting entry has the errors.
   */
  load(file: PluginFile, reason: LoadReason = 'start'): Promise<PluginEntry> {
    const plugin = this.managed.get(file.file) ?? new ManagedPlugin(file, this.context);
    this.managed.set(file.file, plugin);
    return plugin.inTurn(async () => {
      // A removal of the file may have come before this turn.
      this.managed.set(file.file, plugin);
      await plugin.load(reason);
      return plugin.entry;
    });
  }

  /** Drains the plugin of a file that is gone. */
  async remove(file: string): Promise<void> {
    const plugin = this.managed.get(file);
    await plugin?.inTurn(async () => {
      await plugin.remove();
      this.managed.delete(file);
    });
  }

  /**
   * Returns the plugins to load after a change of these files: plugins that are made of one of the files, and plugins
   * whose error the change may remove. A providers file concerns all plugins of its folder.
   */
  concernedBy(paths: readonly string[]): PluginFile[] {
    const concerns = (plugin: ManagedPlugin, path: string): boolean =>
      plugin.isMadeOf(path) || isProvidersFile(path, plugin.file.root);
    return this.list
      .filter((plugin) => plugin.failedForOthers || paths.some((path) => concerns(plugin, path)))
      .map(({ file }) => file);
  }

  /** Returns the files of the plugins in a plugins folder. */
  filesIn(root: string): string[] {
    return this.list.filter(({ file }) => file.root === root).map(({ file }) => file.file);
  }

  /** Applies a new config, and loads each plugin anew whose part of the config has changed. */
  async reconfigure(config: Config): Promise<void> {
    const before = this.host.config;
    // A plugin that could not be read may fail because of the middleware.
    const usesOther = !isDeepStrictEqual(before.plugins.use, config.plugins.use);
    const concerned = this.list.filter(
      ({ definition }) => usesOther || (definition && hasOtherConfig(definition.name, before, config)),
    );
    this.host = { ...this.host, config };
    await Promise.all(concerned.map(({ file }) => this.load(file, 'config')));
  }

  /** Drains all plugins. */
  async stop(): Promise<void> {
    await Promise.all(
      this.list.map((plugin) => {
        plugin.quit();
        return plugin.inTurn(() => plugin.stop());
      }),
    );
    await this.contracts.stop();
    await this.host.commits.closed();
  }

  private get list(): ManagedPlugin[] {
    return [...this.managed.values()];
  }
}

/** Whether the defaults or the plugin's section of the config differ. */
function hasOtherConfig(name: string, before: Config, after: Config): boolean {
  const partOf = ({ plugins }: Config): object => ({ defaults: plugins.defaults, section: plugins.sections[name] });
  return !isDeepStrictEqual(partOf(before), partOf(after));
}
