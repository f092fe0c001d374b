import { JetplugError } from '../../sdk/internal';
import { retryUntil } from '../base/retry-until';
import type { EmbeddedConfig } from '../config/config';
import { openBroker, type Broker } from './open-broker';

export interface TakeOverOptions {
  /** The broker that has ended: one that another host ran on this host's data folder. */
  readonly lost: Broker;
  readonly embedded: EmbeddedConfig;
  readonly say: (line: string) => void;
  /** Whether a broker is still needed: the connection is lost, and the host is not stopping. */
  readonly needed: () => boolean;
  /** Called when a try fails, once in a while for the same failure. Another try follows. */
  readonly failed: (error: unknown) => void;
  /** Waits before each try, as the host that ran the broker may return. */
  readonly pause: () => Promise<unknown>;
}

/**
 * Runs the broker of this host's data folder on the same port when the host that ran it has ended, or joins the host
 * that was faster. A server on any other data is never replaced.
 * @returns the broker; undefined when none is needed any more
 */
export async function takeOver(options: TakeOverOptions): Promise<Broker | undefined> {
  const { lost, say, needed, failed, pause } = options;
  if (!lost.onOwnData) {
    throw new JetplugError('JP_INTERNAL', `the server on ${lost.url} does not run on the data folder of this host`);
  }
  // `own`: a server that has taken the port meanwhile does not have this host's data, so the host does not join it.
  const embedded = { ...options.embedded, port: Number(new URL(lost.url).port), own: true };
  const open = async (): Promise<Broker | undefined> => {
    await pause();
    return needed() ? openBroker({ servers: [], embedded, say }) : undefined;
  };
  return retryUntil(open, { waitMs: 0, failed });
}
