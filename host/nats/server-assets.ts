import type { ConsumerInfo, StreamInfo } from './client';
import type { Connection } from './connection';
import { asBrokerError } from './failures';
import { durablesOf } from './list-durables';

/** All streams on the server that the credentials reach, and their consumers. Buckets and commit logs are streams. */
export interface ServerAssets {
  /** The streams by name. */
  readonly streams: ReadonlyMap<string, StreamInfo>;
  /** The consumers of each stream that has any, by the stream's name. */
  readonly durables: ReadonlyMap<string, readonly ConsumerInfo[]>;
}

/** Lists all streams and their consumers. @throws JetplugError `JP_BROKER_*` */
export async function readServerAssets(connection: Connection): Promise<ServerAssets> {
  const streams = await listStreams(connection);
  const used = [...streams.values()].filter(({ state }) => state.consumer_count > 0);
  const durables = await Promise.all(
    used.map(async ({ config: { name } }) => [name, await durablesOf(connection, name)] as const),
  );
  return { streams, durables: new Map(durables) };
}

async function listStreams({ jsm }: Connection): Promise<Map<string, StreamInfo>> {
  const streams = new Map<string, StreamInfo>();
  try {
    for await (const info of jsm.streams.list()) streams.set(info.config.name, info);
  } catch (error) {
    throw asBrokerError(error, 'listing the streams on the server');
  }
  return streams;
}
