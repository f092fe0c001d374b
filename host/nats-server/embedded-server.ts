import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { showThrown } from '../base/thrown';
import type { DataLock } from './data-lock';
import type { Binary } from './find-binary';
import { launch, type Launched } from './launch';

export interface EmbeddedOptions {
  readonly binary: Binary;
  /** The data folder, absolute. */
  readonly data: string;
  /** 0: any free one. */
  readonly port: number;
  /** `always`, or a duration that nats-server takes. */
  readonly syncInterval: string;
  /** The lock of the data folder. From here on the server has it, and releases it when it has ended. */
  readonly lock: DataLock;
  readonly say: (line: string) => void;
}

/** A nats-server that this host runs. One that ends by itself is started again, on the same port. */
export interface EmbeddedServer {
  readonly url: string;
  readonly version: string;
  /** The name of the nats-server that runs now, or that was started last. */
  readonly name: string;
  /** The process number of the nats-server that runs now. */
  readonly pid: number;
  /** Ends the server, by SIGTERM, after 10 s by SIGKILL, and gives the data folder free. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Starts nats-server with JetStream on 127.0.0.1, its data in `<data>/jetstream`, its log beside it.
 *
 * @throws JetplugError JP_BROKER_START_FAILED, with the last lines of the server's log; the lock is released.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { binary, lock, say } = options;
  const stopping = new AbortController();
  const stopAsked = once(stopping.signal, 'abort').then(() => undefined);
  let running = await start().catch((error: unknown) => {
    lock.release();
    throw error;
  });
  const kept = keepRunning();
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
      retract();
      stopping.abort();
      await kept;
    },
  };

  /** Nobody is to join what is ending. */
  function retract(): void {
    try {
      lock.note({ url: undefined });
    } catch (error) {
      say(`The lock still names the broker that is ending: ${showThrown(error)}`); // The disk may be full.
    }
  }

  async function keepRunning(): Promise<void> {
    for (;;) {
      const how = await Promise.race([stopAsked, running.ended]);
      if (how === undefined) break;
      say(`The embedded nats-server ended by itself (${how}); starting it again`);
      running = await startAgain(running);
    }
    await running.end();
    lock.release();
  }

  async function startAgain(last: Launched): Promise<Launched> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await last.end(); // Its watchdog may have died alone.
        await sleep(pauseMs, undefined, { signal: stopping.signal });
        return await start(last.port);
      } catch (error) {
        if (stopping.signal.aborted) return last;
        say(`${showThrown(error)}; trying again`);
      }
    }
  }

  function start(port = options.port): Promise<Launched> {
    return launch({ ...options, port, signal: stopping.signal });
  }
}
