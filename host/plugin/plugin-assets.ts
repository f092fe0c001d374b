import type { Config } from '../config/config';
import type { DurableSpec } from '../broker/durable';
import { retryQueueDurable } from '../broker/retry-queue';
import type { PluginDefinition } from '../load/describe';
import { specOf } from './reconcile';

/** The assets on the server that a plugin needs. */
export interface PluginAssets {
  readonly plugin: string;
  /** Whether a host runs the plugin. The assets of a disabled plugin stay on the server, and no host changes them. */
  readonly isEnabled: boolean;
  /** Whether a host creates the plugin's bucket and commit log when the plugin starts. */
  readonly hasStore: boolean;
  readonly handlers: readonly HandlerAssets[];
}

export interface HandlerAssets {
  readonly durable: DurableSpec;
  /** The durable of the handler's retry queue. A host creates it when the queue holds an event. */
  readonly retryDurable: DurableSpec;
}

/**
 * Returns the assets of a plugin.
 * @throws JetplugError `JP_HANDLER_NO_STREAM` when no stream of the config holds the subject of a handler
 */
export function pluginAssets(
  plugin: PluginDefinition,
  config: Pick<Config, 'deploy' | 'delivery' | 'plugins' | 'streams'>,
): PluginAssets {
  const { name, services } = plugin;
  return {
    plugin: name,
    isEnabled: config.plugins.sections[name]?.enabled !== false,
    hasStore: services.includes('store'),
    handlers: plugin.handlers.map((handler) => {
      const durable = specOf(plugin, handler, config.streams, config);
      return { durable, retryDurable: retryDurableOf(durable) };
    }),
  };
}

/** Returns the durable of the retry queue of a handler, which is paused with the handler's own durable. */
export function retryDurableOf({
  owner,
  ackWaitMs,
  deployment,
  stream,
  durable,
  mayRecreate,
}: DurableSpec): DurableSpec {
  return {
    ...retryQueueDurable(owner.plugin, owner.handler, ackWaitMs, deployment),
    pausedWith: { stream, durable },
    ...(mayRecreate && { mayRecreate }),
  };
}
