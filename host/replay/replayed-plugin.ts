import type { PluginClass } from '../../sdk/internal';
import { compile, type CompiledPlugin } from '../load/compile';
import { describe, type HandlerDefinition } from '../load/describe';
import { providersFor } from '../load/folder-providers';
import { InlineCandidate } from '../plugin/inline-candidate';
import { RunningPlugin } from '../plugin/running-plugin';
import { PluginVersion } from '../plugin/version';
import { reconcileVersion } from '../plugin/version-plan';
import type { CapturedLog } from './captured-log';
import type { EffectRun, Effects } from './effect-run';
import { findHandler, findPlugin, type FoundPlugin } from './find-plugin';
import { ReplayHost } from './replay-host';
import type { LoadedHandler, ReplayConfig, ReplayTarget } from './replay-protocol';

export interface ReplayOptions {
  /** Called when the plugin has started, before the handler gets the event. */
  beforeCall?(cls: PluginClass, method: string): void;
  /** Whether the handler has no timeout. Default false. */
  isPatient?: boolean;
}

/**
 * A plugin whose handler is run for one event at a time, with the life that a host gives it. Each run builds the plugin
 * anew, so that nothing of an earlier run is left in it.
 */
export class ReplayedPlugin {
  private constructor(
    private readonly config: ReplayConfig,
    private readonly name: string,
    private readonly handler: HandlerDefinition,
    /** The plugin's modules as they were loaded. The first run uses them; each later one loads their texts again. */
    private readonly loaded: CompiledPlugin,
    private unused: FoundPlugin | undefined,
  ) {}

  /**
   * Loads the plugin and finds its handler.
   * @throws JetplugError, or an AggregateError of several
   */
  static load(target: ReplayTarget, config: ReplayConfig): ReplayedPlugin {
    const found = findPlugin(target, config);
    const { compiled } = found;
    const definition = describe(compiled, config);
    return new ReplayedPlugin(config, definition.name, findHandler(definition, target), compiled, found);
  }

  get found(): LoadedHandler {
    const { name: handler, where, timeoutMs } = this.handler;
    return { plugin: this.name, handler, version: this.loaded.version, where, timeoutMs };
  }

  /**
   * Runs the handler for an event and captures the effects.
   * @throws JetplugError when the plugin does not start
   */
  async run(run: EffectRun, log: CapturedLog, { beforeCall, isPatient }: ReplayOptions = {}): Promise<Effects> {
    const { compiled, providers } = this.unused ?? this.loadAgain();
    this.unused = undefined;
    const host = await ReplayHost.open(this.name, run, this.config, log);
    await providers?.start({ logger: log, clock: host.services.clock });
    const version = await this.start(compiled, host, isPatient === true);
    await host.begin();
    beforeCall?.(compiled.cls, this.handler.method);
    const running = RunningPlugin.begin(await reconcileVersion(version, [], host.services), host.services);
    const effects = await host.effects(await host.recorded);
    await running.stop();
    await providers?.stop(log);
    await host.services.commits.closed();
    return effects;
  }

  /** Loads the modules again from their texts, for a run after the first. */
  private loadAgain(): FoundPlugin {
    const { file, texts } = this.loaded;
    const { dirs, use } = this.config.plugins;
    const providers = providersFor(file, dirs, texts);
    return { compiled: compile({ file }, { texts, use, shared: providers }), providers };
  }

  /** Builds and starts the plugin, with this handler alone. */
  private async start(compiled: CompiledPlugin, { services }: ReplayHost, isPatient: boolean): Promise<PluginVersion> {
    const described = await new InlineCandidate(compiled, services).describe();
    const { code } = await described.instantiate();
    // The event is the only one, so it waits for no other event of its key, and is not retried here.
    const handler: HandlerDefinition = {
      ...this.handler,
      from: 'new',
      key: undefined,
      timeoutMs: isPatient ? Infinity : this.handler.timeoutMs,
    };
    const definition = { ...described.definition, handlers: [handler] };
    return new PluginVersion(definition, code, services.log, () => void described.close());
  }
}
