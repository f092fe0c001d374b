import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { machineTime } from '../base/time';
import type { Config } from '../config/config';
import type { PartedLog } from '../log/log';
import { Connection } from '../nats/connection';
import type { StoredLetter } from '../broker/stored-letter';
import type { DeadLetterStream } from '../nats/dead-letter-stream';
import { openServices } from '../nats/open';
import { publishRaw } from '../nats/publisher';
import { openBroker } from '../nats-server/open-broker';
import type { Backend } from './backend';
import type { TestClock } from './test-clock';

/** The interval at which `settled()` checks for unsettled events. */
const CHECK_MS = 10;

/** Starts a nats-server for one test host, on a free port, with its data in a temporary folder. */
export async function serverBackend(config: Config, clock: TestClock, log: PartedLog): Promise<Backend> {
  const data = mkdtempSync(join(tmpdir(), 'jetplug-test-'));
  const closers: (() => unknown)[] = [() => rmSync(data, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const embedded = { ...config.nats.embedded, data, port: 0, own: true };
    const server = await openBroker({ servers: [], embedded, say: (line) => log.debug(line) });
    closers.push(() => server.stop());
    const connection = await Connection.open({ servers: [server.url], name: 'jetplug-test' });
    closers.push(() => connection.close());
    const services = await openServices(connection, config, log);
    closers.push(() => services.stop());
    const startedAtMs = performance.now();
    clock.drivenBy({ elapsedMs: () => performance.now() - startedAtMs, move: (ms) => sleep(ms) });
    return {
      ...services,
      clock,
      time: machineTime,
      sendRaw: ({ subject, payload, ...headers }) => publishRaw(connection, subject, payload, headers),
      letters: () => all(services.deadLetters),
      next: async () => {
        await sleep(CHECK_MS);
        return true;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function all(letters: DeadLetterStream): Promise<StoredLetter[]> {
  const found: StoredLetter[] = [];
  for await (const letter of letters.list({ withPayload: true })) found.push(letter);
  return found;
}
