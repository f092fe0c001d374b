import { JetplugError } from '../../sdk/internal';
import type { EmbeddedConfig } from '../config/config';
import { openBroker, type Broker } from './open-broker';

export interface TakeOverOptions {
  /** The broker that is gone: one that another host ran on this host's data folder. */
  readonly lost: Broker;
  readonly embedded: EmbeddedConfig;
  readonly say: (line: string) => void;
  /** Whether there is still something to take over: the connection is lost, and the host is not stopping. */
  readonly needed: () => boolean;
  /** Called when a try fails; another one follows. */
  readonly failed: (error: unknown) => void;
  /** Waits before a try: whoever ran the broker may come back. */
  readonly pause: () => Promise<unknown>;
}

/**
 * Runs the broker of this host's data folder when the host that ran it has ended, on the same port;
 * or joins the host that was faster. A server that runs on any other data is never replaced.
 * @returns the broker, or undefined when none is needed any more
 */
export async function takeOver(options: TakeOverOptions): Promise<Broker | undefined> {
  const { lost, say, needed, failed, pause } = options;
  if (!lost.onOwnData) {
    throw new JetplugError('JP_INTERNAL', `the server on ${lost.url} does not run on the data folder of this host`);
  }
  // `own`: a server that has taken the port meanwhile does not hold this host's data, so it is not joined.
  const embedded = { ...options.embedded, port: Number(new URL(lost.url).port), own: true };
  for (;;) {
    await pause();
    if (!needed()) return undefined;
    try {
      return await openBroker({ servers: [], embedded, say });
    } catch (error) {
      failed(error);
    }
  }
}
