import type { Config } from '../config/config';
import type { StreamState } from '../broker/stream-state';
import type { Connection } from './connection';
import type { RequiredStream } from './kept-stream';
import { ensureManagedStream, planManagedStreams } from './managed-stream';
import type { StreamDeploy } from './stream-comparison';
import { StreamDrift } from './stream-drift';
import type { StreamKeeper } from './stream-keeper';
import {
  bucketStream,
  RECORDS_BUCKET,
  retryStream,
  wantedStreams,
  type StreamUse,
  type WantedStream,
} from './wanted-streams';

/** The config, and whether this host decides about the streams. */
export type StreamsConfig = Config & { readonly deploy: StreamDeploy };

/**
 * Creates or updates the streams that the host needs for any plugins: the streams of the config, the stream of dead
 * letters, the stream of the retry queues, and the stream under the host's own bucket. Deletes nothing. A refused call
 * has changed none of them.
 * @param recordsExist called as soon as the host's own bucket exists, before any other stream is changed
 * @returns the streams of the config and, as the last one, the stream of dead letters
 */
export async function ensureStreams(
  connection: Connection,
  config: StreamsConfig,
  recordsExist: () => Promise<void> = () => Promise.resolve(),
): Promise<StreamState[]> {
  const records = bucketStream(RECORDS_BUCKET, config);
  const ofConfig = wantedStreams(config);
  const all = [...ofConfig, retryStream(config), records];
  const plans = await planManagedStreams(connection, all, config.deploy);
  await plans.pop()!.apply();
  await recordsExist();
  const states: StreamState[] = [];
  for (const { apply } of plans) states.push(await apply());
  return states.slice(0, ofConfig.length);
}

/**
 * Has the keeper restore the streams of {@link ensureStreams} when they are lost, except those under buckets, which
 * {@link Bucket.addTo} adds.
 */
export async function keepStreams(connection: Connection, keeper: StreamKeeper, config: StreamsConfig): Promise<void> {
  for (const wanted of [...wantedStreams(config), retryStream(config)]) {
    await keeper.add(requiredStream(connection, wanted, config.deploy));
  }
}

/** A stream of the config as the keeper restores it, under the names of its data for the log. */
export function requiredStream(
  connection: Connection,
  wanted: WantedStream,
  deploy: StreamDeploy,
  contents = CONTENTS[wanted.use](wanted),
): RequiredStream {
  const drift = new StreamDrift(wanted, deploy.name);
  return {
    name: wanted.settings.name,
    contents,
    managed: wanted.managed,
    // A running host never loses events, even where a restart may.
    create: () => ensureManagedStream(connection, wanted, { ...deploy, allowDataLoss: false }),
    driftOf: (info) => drift.of(info),
  };
}

/** Names the data that is lost with a stream, for the log. */
const CONTENTS: Record<StreamUse, (wanted: WantedStream) => string> = {
  events: ({ settings }) => `the events of stream ${settings.name}`,
  'dead-letters': () => 'the dead letters',
  retries: () => 'the events of the retry queue',
  bucket: ({ settings }) => `the values of ${settings.name}`,
  runs: () => 'the records of runs',
  audit: () => 'the records of changes',
  log: ({ settings }) => `the commits of ${settings.name}`,
};
