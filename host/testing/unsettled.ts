import type { PluginBroker } from '../broker/plugin-broker';
import { retryQueueDurable } from '../broker/retry-queue';
import type { ConsumingHandler } from '../plugin/consume';
import type { RunningPlugin } from '../plugin/running-plugin';

/**
 * Describes the number of unsettled events of each handler that has any, each in a line for the error of `settled()`.
 */
export async function unsettled(plugins: readonly RunningPlugin[], broker: PluginBroker): Promise<string[]> {
  const lines = await Promise.all(
    plugins.flatMap(({ definition: { name }, handlers }) =>
      handlers.map((handler) => unsettledOf(name, handler, broker)),
    ),
  );
  return lines.filter((line) => line !== undefined);
}

async function unsettledOf(
  plugin: string,
  { durable, definition, counters, circuit, running }: ConsumingHandler,
  broker: Pick<PluginBroker, 'durablePosition'>,
): Promise<string | undefined> {
  // While the circuit is open the events wait for an unknown time.
  if (circuit.outage) return undefined;
  const retryQueue = retryQueueDurable(plugin, definition.name, durable.ackWaitMs, durable.deployment);
  const positions = [
    await broker.durablePosition(durable.stream, durable.durable),
    await broker.durablePosition(retryQueue.stream, retryQueue.durable),
  ];
  const pending = positions.reduce((sum, position) => sum + (position?.pending ?? 0), 0);
  const inFlight = positions.reduce((sum, position) => sum + (position?.inFlight ?? 0), 0);
  if (pending + inFlight + running === 0) return undefined;
  const last = counters.lastError === undefined ? '' : `, the last error: ${counters.lastError}`;
  return `${plugin}.${definition.name}: ${pending} pending, ${inFlight} in flight, ${running} running${last}`;
}
