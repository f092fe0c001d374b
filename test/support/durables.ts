import type { JetStreamManager } from 'nats';
import { eventually } from './eventually';

/**
 * Waits until nothing is on its way to any durable of these streams; resolves with the number of deliveries
 * there were. What has no durable name only reads, and may be left of a host that died while it looked for
 * what it had sent.
 */
export async function allSettled(
  jsm: JetStreamManager,
  streams: readonly string[],
  timeoutMs = 60_000,
): Promise<number> {
  return eventually(async () => {
    let deliveries = 0;
    for (const stream of streams) {
      for await (const { config, num_pending, num_ack_pending, delivered } of jsm.consumers.list(stream)) {
        if (config.durable_name === undefined) continue;
        if (num_pending + num_ack_pending > 0) {
          throw new Error(`${config.durable_name}: ${num_pending} pending, ${num_ack_pending} in flight`);
        }
        deliveries += delivered.consumer_seq;
      }
    }
    return deliveries;
  }, timeoutMs);
}
