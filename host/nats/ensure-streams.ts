import type { Config } from '../config/config';
import type { Connection } from './connection';
import { ensureManagedStreams } from './managed-stream';
import { bucketStream, RECORDS_BUCKET, retryStream, wantedStreams } from './wanted-streams';
import type { StreamState } from '../broker/stream-state';

/**
 * Makes the streams that the host needs whatever plugins run: those of the config, the dead letters',
 * the retries', and the one under the host's own bucket. Deletes nothing.
 * @returns the streams of the config and, as the last one, the dead letters'
 */
export async function ensureStreams(connection: Connection, config: Config): Promise<StreamState[]> {
  const ofConfig = wantedStreams(config);
  const all = [...ofConfig, retryStream(config), bucketStream(RECORDS_BUCKET, config)];
  return (await ensureManagedStreams(connection, all, config.deploy)).slice(0, ofConfig.length);
}
