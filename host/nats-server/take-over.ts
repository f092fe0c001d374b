import { JetplugError } from '../../sdk/internal';
import { retryUntil } from '../base/retry-until';
import type { EmbeddedConfig } from '../config/config';
import { openBroker, type Broker } from './open-broker';

export interface TakeOverOptions {
  /** The broker that has ended. Another host ran it on this host's data folder. */
  readonly lost: Broker;
  readonly embedded: EmbeddedConfig;
  readonly say: (line: string) => void;
  /** Returns whether a broker is still needed: the connection is lost, and the host is not stopping. */
  readonly needed: () => boolean;
  /** Called when a try fails; for the same failure only once in a while. Another try follows. */
  readonly failed: (error: unknown) => void;
  /** Waits before each try, because the host that ran the broker may return. */
  readonly pause: () => Promise<unknown>;
}

/**
 * Called when the host that ran the broker has ended. Starts the broker again on the same data folder and port. If
 * another host has done so already, joins that broker. A server on any other data is never replaced.
 * @returns the broker; undefined when none is needed any more
 */
export async function takeOver(options: TakeOverOptions): Promise<Broker | undefined> {
  const { lost, say, needed, failed, pause } = options;
  if (!lost.onOwnData) {
    throw new JetplugError('JP_INTERNAL', `the server on ${lost.url} does not run on the data folder of this host`);
  }
  // With `own`, the host does not join a server that has taken the port in the meantime, because that server does not
  // have this host's data.
  const embedded = { ...options.embedded, port: Number(new URL(lost.url).port), own: true };
  const open = async (): Promise<Broker | undefined> => {
    await pause();
    return needed() ? openBroker({ servers: [], embedded, say }) : undefined;
  };
  return retryUntil(open, { waitMs: 0, failed });
}
