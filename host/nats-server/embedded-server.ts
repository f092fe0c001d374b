import { once } from 'node:events';
import { pause, retryUntil } from '../base/retry-until';
import { showThrown } from '../base/thrown';
import { machineTime } from '../base/time';
import { launch, type Launched, type ServerOptions } from './launch';

/** A nats-server that this host runs. If the process ends by itself, the host starts it again on the same port. */
export interface EmbeddedServer {
  readonly url: string;
  readonly version: string;
  /** The name of the running nats-server, or of the last one. */
  readonly name: string;
  /** The process number of the running nats-server. */
  readonly pid: number;
  /** Ends the server with SIGTERM, after 10 s with SIGKILL, and releases the data folder. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts nats-server with JetStream on 127.0.0.1, its data in `<data>/jetstream`, its log beside it.
 *
 * @throws JetplugError JP_BROKER_START_FAILED, with the last lines of the server's log; the lock is released.
 */
export async function startEmbedded(options: ServerOptions): Promise<EmbeddedServer> {
  const { binary, lock, say } = options;
  const stopping = new AbortController();
  const stopAsked = once(stopping.signal, 'abort').then(() => undefined);
  let running = await start().catch((error: unknown) => {
    lock.release();
    throw error;
  });
  const finished = keepRunning();
  return {
    url: `nats://127.0.0.1:${running.port}`,
    version: binary.version,
    get name() {
      return running.name;
    },
    get pid() {
      return running.pid;
    },
    async stop() {
      withdrawUrl();
      stopping.abort();
      await finished;
    },
  };

  /** Removes the server's address from the lock, so that no other host joins a server that is ending. */
  function withdrawUrl(): void {
    try {
      lock.note({ url: undefined });
    } catch (error) {
      say(`cannot remove the address of the ending broker from the lock: ${showThrown(error)}`); // The disk may be full.
    }
  }

  async function keepRunning(): Promise<void> {
    for (;;) {
      const how = await Promise.race([stopAsked, running.ended]);
      if (how === undefined) break;
      say(`embedded nats-server ended by itself (${how}); starting it again`);
      running = await startAgain(running);
    }
    await running.end();
    lock.release();
  }

  async function startAgain(last: Launched): Promise<Launched> {
    await pause(FIRST_PAUSE_MS, machineTime, stopping.signal);
    const restart = async (): Promise<Launched> => {
      await last.end(); // Perhaps only the watchdog has died.
      return start(last.port);
    };
    const again = await retryUntil(restart, {
      waitMs: (_error, failures) => Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS),
      stop: stopping.signal,
      failed: (error) => say(`${showThrown(error)}; trying again`),
    });
    return again ?? last;
  }

  function start(port = options.port): Promise<Launched> {
    return launch({ ...options, port, signal: stopping.signal });
  }
}
