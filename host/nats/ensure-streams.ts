import type { Config } from '../config/config';
import type { StreamState } from '../broker/stream-state';
import type { Connection } from './connection';
import { ensureManagedStream, ensureManagedStreams } from './managed-stream';
import type { StreamKeeper } from './stream-keeper';
import {
  bucketStream,
  RECORDS_BUCKET,
  retryStream,
  wantedStreams,
  type StreamUse,
  type WantedStream,
} from './wanted-streams';

/**
 * Creates or updates the streams that the host needs for any plugins: the streams of the config, the stream of dead
 * letters, the stream of the retry queues, and the stream under the host's own bucket. Deletes nothing.
 * @returns the streams of the config and, as the last one, the stream of dead letters
 */
export async function ensureStreams(connection: Connection, config: Config): Promise<StreamState[]> {
  const ofConfig = wantedStreams(config);
  const all = [...ofConfig, retryStream(config), bucketStream(RECORDS_BUCKET, config)];
  return (await ensureManagedStreams(connection, all, config.deploy)).slice(0, ofConfig.length);
}

/**
 * Has the keeper restore the streams of {@link ensureStreams} when they are lost, except those under buckets, which
 * {@link Bucket.addTo} adds.
 */
export async function keepStreams(connection: Connection, keeper: StreamKeeper, config: Config): Promise<void> {
  for (const wanted of [...wantedStreams(config), retryStream(config)]) {
    await keeper.add({
      name: wanted.settings.name,
      contents: CONTENTS[wanted.use](wanted),
      managed: wanted.managed,
      create: () => ensureManagedStream(connection, wanted, config.deploy),
    });
  }
}

/** Names the data that is lost with a stream, for the log. */
export const CONTENTS: Record<StreamUse, (wanted: WantedStream) => string> = {
  events: ({ settings }) => `the events of stream ${settings.name}`,
  'dead-letters': () => 'the dead letters',
  retries: () => 'the events of the retry queue',
  bucket: ({ settings }) => `the values of ${settings.name}`,
  runs: () => 'the records of runs',
  audit: () => 'the records of changes',
  log: ({ settings }) => `the commits of ${settings.name}`,
};
