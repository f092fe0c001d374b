import type { Config } from '../config/config';
import type { Connection } from './connection';
import type { StreamKeeper } from './stream-keeper';
import { ensureManagedStream } from './managed-stream';
import { retryStream, wantedStreams, type StreamUse, type WantedStream } from './wanted-streams';

/** Keeps the streams that are the host's whatever plugins run; the buckets are kept by themselves. */
export async function keepStreams(connection: Connection, kept: StreamKeeper, config: Config): Promise<void> {
  for (const wanted of [...wantedStreams(config), retryStream(config)]) {
    await kept.keep({
      name: wanted.settings.name,
      what: LOST[wanted.use](wanted),
      managed: wanted.managed,
      make: () => ensureManagedStream(connection, wanted, config.deploy),
    });
  }
}

/** Names the data that is lost with a stream. */
const LOST: Record<StreamUse, (wanted: WantedStream) => string> = {
  events: ({ settings }) => `the events of stream ${settings.name}`,
  'dead-letters': () => 'the dead letters',
  retries: () => 'the events that were to come back later',
  bucket: ({ settings }) => `the values of ${settings.name}`,
};
