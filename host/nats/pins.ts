import type { DurableSpec } from '../broker/durable';
import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { PIN_GROUP } from './pin-config';
import { asBrokerError } from './failures';

/** The level of the JetStream API that has `CONSUMER.RESET`: NATS 2.14. */
const RESET_LEVEL = 4;

/** Returns the pin of the host that a pinned durable delivers to; undefined if it delivers to none. */
export function pinOf(info: ConsumerInfo): string | undefined {
  const { priority_groups: groups = [] } = info as { priority_groups?: { group: string; pinned_client_id?: string }[] };
  return groups.find(({ group }) => group === PIN_GROUP)?.pinned_client_id;
}

/** Takes the pin from the host that has it. The server gives the pin to the next request that waits. */
export async function unpin({ requests }: Connection, stream: string, durable: string): Promise<void> {
  await requests.askApi(`CONSUMER.UNPIN.${stream}.${durable}`, { group: PIN_GROUP });
}

/**
 * Makes the durable deliver everything behind its ack floor again, in the order of the stream, and with delivery counts
 * from 1.
 * @returns false if the server is older than 2.14, which cannot do that
 */
export async function resetDurable(
  { requests, apiLevel }: Connection,
  { stream, durable }: Pick<DurableSpec, 'stream' | 'durable'>,
): Promise<boolean> {
  if (apiLevel < RESET_LEVEL) return false;
  try {
    await requests.askApi(`CONSUMER.RESET.${stream}.${durable}`);
    return true;
  } catch (error) {
    throw asBrokerError(error, `resetting durable ${durable} on stream ${stream}`);
  }
}
