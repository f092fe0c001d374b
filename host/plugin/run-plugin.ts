import { JetplugError } from '../../sdk/internal';
import { JetStreamEventBus } from '../effects/event-bus';
import { compile, type CompiledPlugin } from './compile';
import { consume, type ConsumingHandler } from './consume';
import { contain, type PluginServices } from './contain';
import { describe, type PluginDefinition } from './describe';
import type { PluginFile } from './discover';
import { drain } from './drain';
import type { PluginHost } from './plugin-host';
import { PluginStore } from './plugin-store';
import { reconcile } from './reconcile';

/** A plugin that consumes. */
export interface RunningPlugin {
  readonly definition: PluginDefinition;
  readonly handlers: readonly ConsumingHandler[];
  /** Ends it; resolves when all that it held is settled or given back. */
  stop(): Promise<void>;
}

/**
 * A plugin's life, from the file that was discovered to where it consumes; its `stop` is the rest:
 * compile → describe → claim → contain → reconcile → consume, and drain.
 * @param before the version that it takes the place of, which ends when this one can consume
 * @throws JetplugError, or an AggregateError of several; then the version before runs on
 */
export async function runPlugin(file: PluginFile, host: PluginHost, before?: RunningPlugin): Promise<RunningPlugin> {
  return runCompiled(compile(file), host, before);
}

/** The same from where the plugin's class is loaded. */
export async function runCompiled(
  compiled: CompiledPlugin,
  host: PluginHost,
  before?: RunningPlugin,
): Promise<RunningPlugin> {
  const definition = describe(compiled, host.config);
  host.claim(definition);
  const store = new PluginStore(definition.name, host);
  try {
    return await runWith(store, definition, host, before);
  } catch (error) {
    store.release();
    throw error;
  }
}

async function runWith(
  store: PluginStore,
  definition: PluginDefinition,
  host: PluginHost,
  before?: RunningPlugin,
): Promise<RunningPlugin> {
  const section = host.config.plugins.sections[definition.name];
  const services = servicesOf(definition, host, store);
  const contained = await inTime(definition, host, contain(definition, services, section?.settings));
  try {
    const reconciled = await reconcile(definition, host);
    // Never both at a time: events of one key would be in the hands of both.
    await before?.stop();
    const handlers = consume(definition, contained, reconciled, host);
    const stop = async (): Promise<void> => {
      await drain(definition, contained, handlers, host.config.shutdown.graceMs, host.log);
      store.release();
    };
    return { definition, handlers, stop };
  } catch (error) {
    await drain(definition, contained, [], 0, host.log);
    throw error;
  }
}

function servicesOf({ name }: PluginDefinition, host: PluginHost, store: PluginStore): PluginServices {
  return {
    log: host.log.child({ plugin: name }),
    clock: host.clock,
    bus: new JetStreamEventBus(host.outgoing, host.clock),
    openStore: () => store.open(),
  };
}

/** A constructor or onStart that never ends must not hold the host's start up. */
async function inTime<T extends { release(): Promise<void> }>(
  plugin: PluginDefinition,
  host: PluginHost,
  work: Promise<T>,
): Promise<T> {
  const limitMs = host.config.plugins.startTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `${plugin.cls.name} did not start within ${limitMs} ms`;
      reject(new JetplugError('JP_PLUGIN_LOAD_TIMEOUT', message, { plugin: plugin.name, ...plugin.where }));
      // Should it come up after all, nobody will use it.
      work.then(
        (contained) => contained.release(),
        (error: unknown) =>
          host.log.warn('a plugin that was given up failed later', { plugin: plugin.name, err: error }),
      );
    }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
