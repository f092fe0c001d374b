import { JetplugError } from '../../sdk/internal';
import type { Config } from '../config/config';
import { ensureDurable, type DurableSpec } from '../nats/consumers';
import { streamFor } from '../nats/streams';
import type { HandlerDefinition, PluginDefinition } from './describe';
import type { PluginHost } from './plugin-host';

/** Gives each handler its durable consumer on the stream that holds its subject. */
export async function reconcile(plugin: PluginDefinition, host: PluginHost): Promise<DurableSpec[]> {
  const specs = plugin.handlers.map((handler) => specOf(plugin, handler, host.streams, host.config));
  await Promise.all(specs.map((spec) => ensureDurable(host.connection, spec)));
  return specs;
}

/** @throws JetplugError `JP_HANDLER_NO_STREAM` */
export function specOf(
  plugin: PluginDefinition,
  handler: HandlerDefinition,
  streams: Parameters<typeof streamFor>[0],
  { delivery }: Pick<Config, 'delivery'>,
): DurableSpec {
  const stream = streamFor(streams, handler.subject);
  if (stream === undefined) {
    const known = streams.map(({ name, subjects }) => `${name} (${subjects.join(', ')})`).join('; ');
    const message = `${plugin.name}.${handler.name} subscribes to ${handler.subject}; the streams are ${known}`;
    throw new JetplugError('JP_HANDLER_NO_STREAM', message, { plugin: plugin.name, ...handler.where });
  }
  return {
    stream,
    durable: handler.durable,
    subject: handler.subject,
    from: handler.from,
    ackWaitMs: delivery.ackWaitMs,
    maxAckPending: delivery.maxAckPending,
    owner: { plugin: plugin.name, handler: handler.name },
  };
}
