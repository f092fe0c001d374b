import { RETRY_STREAM } from '../../broker/stream-state';
import type { Config } from '../../config/config';
import type { ContractRecord } from '../../plugin/contract-record';

/** A handler with its durable. */
export interface HandlerScope {
  readonly handler: string;
  readonly durable: string;
  readonly subject: string;
  /** The stream that holds the subject. */
  readonly stream: string;
  /** Whether the server delivers the durable's events to one host at a time. */
  readonly isPinned: boolean;
  /** Whether the handler has a rate, so that a lease lets one host at a time run it. Default false. */
  readonly isLeased?: boolean;
}

export interface PluginScope {
  readonly plugin: string;
  readonly handlers: readonly HandlerScope[];
}

/** The config and the plugins that permissions are for. */
export interface Scope {
  readonly config: Config;
  readonly plugins: readonly PluginScope[];
  /** The names of the endpoints of the hosts' micro service. */
  readonly endpoints: readonly string[];
}

/** Returns what the permissions for a plugin depend on. A handler whose subject no stream holds needs none. */
export function pluginScope({ plugin, handlers }: ContractRecord): PluginScope {
  return {
    plugin,
    handlers: handlers.flatMap(({ name, subject, stream, options }) =>
      stream === null
        ? []
        : [
            {
              ...{ handler: name, durable: String(options.durable), subject, stream },
              isPinned: options.key !== null,
              // An earlier host has recorded no rate.
              isLeased: (options.rate ?? null) !== null,
            },
          ],
    ),
  };
}

/** The durables of a plugin: that of each handler, and that of its retry queue. */
export function durablesOf(plugin: PluginScope): HandlerScope[] {
  return [...plugin.handlers, ...retryDurables(plugin)];
}

/** The durable of the retry queue of each handler of a plugin. */
export function retryDurables({ plugin, handlers }: PluginScope): HandlerScope[] {
  return handlers.map(({ handler }) => ({
    handler,
    stream: RETRY_STREAM,
    durable: `${plugin}--${handler}`,
    subject: `retry.${plugin}.${handler}.>`,
    isPinned: false,
  }));
}
