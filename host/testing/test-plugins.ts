import type { Provider } from '../../sdk';
import type { Config } from '../config/config';
import type { CompiledPlugin } from '../load/compile';
import { describe, type PluginDefinition } from '../load/describe';
import { FolderProviders } from '../load/folder-providers';
import { createPluginContainer } from '../load/plugin-container';
import type { PluginHost } from '../plugin/plugin-host';
import { runPlugin } from '../plugin/run-plugin';
import type { RunningPlugin } from '../plugin/running-plugin';
import { asCompiled, type AnyPluginClass, type TestHostOptions } from './options';

/** The plugins of a test and the providers that they share, anew for each host run. */
export class TestPlugins {
  private readonly compiled: readonly CompiledPlugin[];
  private readonly list: readonly Provider[] | undefined;
  private providers: FolderProviders | undefined;

  constructor(plugins: readonly AnyPluginClass[], { use, providers }: TestHostOptions) {
    this.compiled = plugins.map((cls) => asCompiled(cls, use));
    this.list = providers;
  }

  describe(config: Config): PluginDefinition[] {
    this.renew();
    return this.compiled.map((plugin) => describe(this.contained(plugin), config));
  }

  /**
   * Starts the providers, then the plugins.
   * @param running gets each plugin as soon as it runs, so that it is stopped if a later one fails
   */
  async start(host: PluginHost, running: RunningPlugin[]): Promise<void> {
    this.renew();
    await this.providers?.start({ logger: host.log, clock: host.clock });
    for (const plugin of this.compiled) running.push(await runPlugin(this.contained(plugin), host));
  }

  /** Stops the providers, when the plugins have stopped. */
  async stop(log: PluginHost['log']): Promise<void> {
    await this.providers?.stop(log);
  }

  private renew(): void {
    this.providers = this.list && FolderProviders.of(this.list);
  }

  /** A container ends with its host run. */
  private contained(plugin: CompiledPlugin): CompiledPlugin {
    const { providers } = this;
    return providers ? { ...plugin, container: createPluginContainer(providers.provided) } : plugin;
  }
}
