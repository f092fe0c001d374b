import type { Config } from '../config/config';
import { Bucket } from '../nats/bucket';
import type { Connection } from '../nats/connection';
import { ownershipOf } from '../nats/ownership';
import type { ServerAssets } from '../nats/server-assets';
import {
  AUDIT_STREAM,
  auditStream,
  bucketStream,
  logStream,
  logStreamName,
  RECORDS_BUCKET,
  retryStream,
  RUNS_STREAM,
  runStream,
  wantedStreams,
  type WantedStream,
} from '../nats/wanted-streams';
import type { PluginAssets } from '../plugin/plugin-assets';
import { CheckpointStore, positionsBefore } from '../records/commits/checkpoint';

/**
 * Returns the streams that a host with this config and these plugins creates at its start, and those that it uses if
 * they exist.
 */
export async function neededStreams(
  connection: Connection,
  config: Config,
  plugins: readonly PluginAssets[],
  server: ServerAssets,
): Promise<WantedStream[]> {
  const ofHost = [...wantedStreams(config), retryStream(config), bucketStream(RECORDS_BUCKET, config)];
  if (config.tracing.sample !== undefined) ofHost.push(runStream(config));
  // The first recorded change creates the stream, unless nothing may be created then. One of another program is not used, and no host refuses to start.
  if (config.deploy.bindOnly || isOurs(AUDIT_STREAM, config, server)) ofHost.push(auditStream(config));
  const ofPlugins = await Promise.all(plugins.map((plugin) => streamsOfPlugin(connection, config, plugin, server)));
  return [...ofHost, ...ofPlugins.flat()];
}

/** Returns the names of the streams that are no orphans, even if no host needs them now. */
export function keptStreams(needed: readonly WantedStream[], plugins: readonly PluginAssets[]): Set<string> {
  const ofPlugins = plugins.flatMap(({ plugin }) => [bucketStreamName(plugin), logStreamName(plugin)]);
  return new Set([...needed.map(({ settings }) => settings.name), ...ofPlugins, RUNS_STREAM, AUDIT_STREAM]);
}

function isOurs(name: string, { deploy }: Config, { streams }: ServerAssets): boolean {
  const found = streams.get(name);
  return found !== undefined && ownershipOf(found.config.metadata, deploy.name).kind === 'ours';
}

function bucketStreamName(plugin: string): string {
  return `KV_jetplug-${plugin}`;
}

/** Whether a stream is the bucket or the commit log of a plugin, of any plugin. */
export function isOfPlugin(stream: string): boolean {
  return stream.startsWith(bucketStreamName('')) || stream.startsWith(logStreamName(''));
}

/** A host opens the store of a plugin that injects one, or that has used one before. */
async function streamsOfPlugin(
  connection: Connection,
  config: Config,
  { plugin, isEnabled, hasStore }: PluginAssets,
  { streams }: ServerAssets,
): Promise<WantedStream[]> {
  if (!isEnabled) return [];
  const hasLog = streams.has(logStreamName(plugin));
  const bucket = streams.has(bucketStreamName(plugin)) ? Bucket.at(connection, `jetplug-${plugin}`) : undefined;
  const isUsed = hasLog || (bucket !== undefined && (await new CheckpointStore(bucket).read()) !== undefined);
  if (!hasStore && !isUsed) return [];
  const above = hasLog ? 0 : await positionsBefore(bucket);
  return [bucketStream(`jetplug-${plugin}`, config), logStream(plugin, config, above)];
}
