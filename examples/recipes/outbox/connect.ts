import { setTimeout as sleep } from 'node:timers/promises';
import { connectEventBus, type ConnectedEventBus } from 'jetplug/client';

const PAUSE_MS = 2_000;

/**
 * Connects as soon as a server accepts it. After that, the connection reconnects by itself. Resolves with undefined if
 * the signal is aborted first.
 */
export async function connectWhenThere(
  servers: readonly string[],
  signal: AbortSignal,
): Promise<ConnectedEventBus | undefined> {
  while (!signal.aborted) {
    try {
      return await connectEventBus({ servers, name: 'order-service' });
    } catch (error) {
      console.warn('the orders wait in the outbox', error);
    }
    // It rejects when the signal is aborted, and the loop ends.
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}
