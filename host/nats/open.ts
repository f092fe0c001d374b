import { hostName } from '../base/host-name';
import type { Config } from '../config/config';
import type { Logger } from '../../sdk';
import type { StreamState } from '../broker/stream-state';
import type { PluginBroker } from '../broker/plugin-broker';
import { natsBroker } from './broker';
import { Bucket } from './bucket';
import { ConfigGeneration } from './config-generation';
import type { Connection } from './connection';
import { DeadLetterStream } from './dead-letter-stream';
import { DurableWatch } from './durable-watch';
import { ensureStreams, keepStreams, type StreamsConfig } from './ensure-streams';
import { fingerprintOf } from './generation-record';
import { Publisher } from './publisher';
import { HostPresence } from './host-presence';
import { NatsRetryNotifier } from './retry-notifier';
import { NatsRetryQueue } from './retry-queue';
import { RunStream } from './run-stream';
import { findDeletion } from './stream-deletion';
import { StreamKeeper } from './stream-keeper';
import { findStream } from './streams';
import { RECORDS_BUCKET } from './wanted-streams';

/** All services of one connection. Both the host and the testing kit run plugins on these services. */
export interface NatsServices {
  /** The streams of the config and, as the last one, the stream of dead letters. */
  readonly allStreams: readonly StreamState[];
  /**
   * The streams that a handler can be on. The stream of dead letters is not among them: a handler that fails on a dead
   * letter would produce dead letters of dead letters.
   */
  readonly streams: readonly StreamState[];
  readonly broker: PluginBroker;
  readonly outgoing: Publisher;
  readonly retryQueue: NatsRetryQueue;
  readonly retryNotifier: NatsRetryNotifier;
  readonly deadLetters: DeadLetterStream;
  /** The host's own bucket. */
  readonly records: Bucket;
  /** The records of runs; undefined if none are kept. */
  readonly runs: RunStream | undefined;
  readonly generation: ConfigGeneration;
  readonly streamKeeper: StreamKeeper;
  readonly durableWatch: DurableWatch;
  /** Ends the subscriptions and timers. The connection stays open. */
  stop(): void;
}

/**
 * Creates and updates the streams that the config asks for, and starts the services that run on them.
 * @throws JetplugError as `ensureManagedStream` does, or an AggregateError of several
 */
export async function openServices(connection: Connection, written: Config, log: Logger): Promise<NatsServices> {
  const records = Bucket.at(connection, RECORDS_BUCKET);
  const generation = await openGeneration(connection, records, written, log);
  const deploy = {
    ...written.deploy,
    get waits() {
      return generation.waits;
    },
  };
  const config = { ...written, deploy };
  const waits = async (): Promise<boolean> => {
    await generation.checkNow();
    return generation.waits;
  };
  const streamKeeper = new StreamKeeper(connection, log, {
    waits,
    repairs: async () => deploy.drift !== 'report' && !deploy.bindOnly && !(await waits()),
    deletionOf: (stream, created) => findDeletion(records, stream, created),
  });
  const durableWatch = new DurableWatch(connection, log, deploy);
  const retryNotifier = new NatsRetryNotifier(connection, log);
  const hosts = new HostPresence(connection, deploy.name, log);
  const started = [generation, streamKeeper, durableWatch, retryNotifier, hosts];
  let allStreams: StreamState[];
  let runs: RunStream | undefined;
  const stop = (): void => [...started].reverse().forEach((service) => service.stop());
  try {
    allStreams = await ensureStreams(connection, config, () => generation.claim());
    logChanges(allStreams, log);
    // The keeper starts before the first stream is added, so that it checks the streams after a reconnect meanwhile.
    for (const service of [streamKeeper, durableWatch, retryNotifier]) service.start();
    await keepStreams(connection, streamKeeper, config);
    runs = await openRuns(connection, streamKeeper, config, log);
    await records.addTo(streamKeeper, 'the records of attempts and of settled events', config);
  } catch (error) {
    stop();
    throw error;
  }
  const streams = allStreams.filter(({ name }) => name !== config.deadLetters.stream);
  return {
    allStreams,
    streams,
    broker: natsBroker(connection, streamKeeper, durableWatch, hosts, config, generation),
    outgoing: Publisher.start(connection, {
      dropsRepeatsMs: Math.min(...streams.map(({ duplicateWindowMs }) => duplicateWindowMs)),
      streams,
    }),
    retryQueue: new NatsRetryQueue(connection),
    retryNotifier,
    deadLetters: new DeadLetterStream(connection, config.deadLetters.stream),
    records,
    runs,
    generation,
    streamKeeper,
    durableWatch,
    stop,
  };
}

async function openGeneration(
  connection: Connection,
  records: Bucket,
  config: Config,
  log: Logger,
): Promise<ConfigGeneration> {
  const exists = (await findStream(connection, `KV_${RECORDS_BUCKET}`)) !== undefined;
  const options = {
    ...{ connection, records, fingerprint: fingerprintOf(config), host: hostName(), log },
    claims: !config.deploy.bindOnly,
  };
  return ConfigGeneration.open(options, exists);
}

/** Opens the stream of run records. The host works without it where the account has no room or permission for it. */
async function openRuns(
  connection: Connection,
  keeper: StreamKeeper,
  config: StreamsConfig,
  log: Logger,
): Promise<RunStream | undefined> {
  if (config.tracing.sample === undefined) return undefined;
  try {
    return await RunStream.open(connection, keeper, config);
  } catch (error) {
    log.warn('runs are not recorded, because their stream cannot be created', { err: error });
    return undefined;
  }
}

/**
 * Logs the streams that the host has changed, sealed ones, and those that it uses without managing them. Called once at
 * each start.
 */
function logChanges(streams: readonly StreamState[], log: Logger): void {
  for (const { name: stream, subjects, change, changes, sealed } of streams) {
    if (change === 'updated') log.info('stream updated in place', { stream, changes });
    if (sealed) log.warn('stream is sealed; the server refuses new events and keeps its maxAge', { stream });
    if (change === 'unmanaged') {
      const why = 'it has no mark of this deployment, or the config says manage: false';
      log.info('stream is unmanaged; using it without changes', { stream, subjects, why });
    }
  }
}
