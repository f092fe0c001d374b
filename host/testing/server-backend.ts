import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config';
import { KvLongTexts } from '../records/long-texts';
import type { PartedLog } from '../log/log';
import { Bucket } from '../nats/bucket';
import { Connection } from '../nats/connection';
import { DeadLetterStream, type StoredLetter } from '../nats/dead-letter-stream';
import { DurableWatch } from '../nats/durable-watch';
import { openBroker } from '../nats-server/open-broker';
import { ensureStreams } from '../nats/ensure-streams';
import { StreamKeeper } from '../nats/stream-keeper';
import { Publisher, publishRaw } from '../nats/publisher';
import { NatsRetryQueue } from '../nats/retry-queue';
import { RECORDS_BUCKET } from '../nats/wanted-streams';
import { NatsRetryNotifier } from '../nats/retry-notifier';
import { natsBroker } from '../nats/broker';
import { machineTime } from '../base/time';
import type { Backend } from './backend';
import type { TestClock } from './test-clock';
import { streamFor } from '../broker/stream-state';

/** How often it is looked whether all is settled. */
const LOOK_MS = 10;

/** An embedded server of its own, on a free port, its data in a temp folder. */
export async function serverBackend(config: Config, clock: TestClock, log: PartedLog): Promise<Backend> {
  const data = mkdtempSync(join(tmpdir(), 'jetplug-test-'));
  const closers: (() => Promise<unknown>)[] = [async () => rmSync(data, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (let close = closers.pop(); close; close = closers.pop()) await close();
  };
  try {
    const embedded = { ...config.nats.embedded, data, port: 0, own: true };
    const server = await openBroker({ servers: [], embedded, say: (line) => log.debug(line) });
    closers.push(() => server.stop());
    const connection = await Connection.open({ servers: [server.url], name: 'jetplug-test' });
    closers.push(() => connection.close());
    return { ...(await onServer(connection, config, clock, log, closers)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function onServer(
  connection: Connection,
  config: Config,
  clock: TestClock,
  log: PartedLog,
  closers: (() => Promise<unknown>)[],
): Promise<Omit<Backend, 'stop'>> {
  const startedAtMs = performance.now();
  clock.drivenBy({ elapsedMs: () => performance.now() - startedAtMs, move: (ms) => sleep(ms) });
  const all = await ensureStreams(connection, config);
  const streams = all.filter(({ name }) => name !== config.deadLetters.stream);
  const records = Bucket.at(connection, RECORDS_BUCKET);
  const kept = new StreamKeeper(connection, log);
  closers.push(async () => kept.stop());
  const watch = new DurableWatch(connection, log);
  closers.push(async () => watch.stop());
  const letterBox = new DeadLetterStream(
    connection,
    config.deadLetters.stream,
    new KvLongTexts(records, (message, details) => log.warn(message, details)),
  );
  return {
    clock,
    time: machineTime,
    streams,
    broker: natsBroker(connection, kept, watch, config),
    retryNotifier: new NatsRetryNotifier(connection, log),
    outgoing: new Publisher(connection, {
      dropsRepeatsMs: Math.min(...streams.map(({ duplicateWindowMs }) => duplicateWindowMs)),
      holds: (subject) => streamFor(streams, subject) !== undefined,
    }),
    retryQueue: new NatsRetryQueue(connection),
    records,
    deadLetters: (texts) => new DeadLetterStream(connection, config.deadLetters.stream, texts),
    sendRaw: ({ subject, payload, ...headers }) => publishRaw(connection, subject, payload, headers),
    letters: () => collect(letterBox),
    bucket: (plugin) => Bucket.open(connection, `jetplug-${plugin}`, config),
    next: async () => {
      await sleep(LOOK_MS);
      return true;
    },
  };
}

async function collect(letters: DeadLetterStream): Promise<StoredLetter[]> {
  const all: StoredLetter[] = [];
  for await (const letter of letters.list(true)) all.push(letter);
  return all;
}
