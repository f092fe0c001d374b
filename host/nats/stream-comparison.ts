import type { StreamInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import type { DeployConfig } from '../config/config';
import type { Connection } from './connection';
import { lossesOf } from './data-loss';
import { asBrokerError } from './failures';
import { foreignStream } from './foreign-stream';
import { markOf, ownershipOf, type Ownership } from './ownership';
import { changesOf, changeText, fixedChanges, type StreamChange } from './stream-changes';
import { findStream } from './streams';
import type { WantedStream } from './wanted-streams';

/** Whose a stream is, and how far the host may change it. */
export interface StreamDeploy extends Pick<DeployConfig, 'name' | 'allowDataLoss'> {
  /** Whether a host with a newer config decides: this host then creates streams that are missing, and changes none. */
  readonly waits?: boolean;
  /** Whether the host creates and changes no streams (`deploy.bindOnly`). */
  readonly bindOnly?: boolean;
}

/** A stream on the server, and how it differs from the config. */
export interface Comparison {
  readonly info: StreamInfo;
  readonly ownership: Ownership;
  readonly changes: readonly StreamChange[];
}

/** Compares a stream on the server with the config; undefined if there is no such stream. */
export async function compareStream(
  connection: Connection,
  { settings }: WantedStream,
  deployment: string,
): Promise<Comparison | undefined> {
  const info = await findStream(connection, settings.name);
  if (!info) return undefined;
  const ownership = ownershipOf(info.config.metadata, deployment);
  return { info, ownership, changes: changesOf(settings, info.config) };
}

/** Returns the error for a stream that no update brings to the config; undefined if an update does. */
export function updateRefusal(
  { use, settings: { name } }: WantedStream,
  { info: { config }, changes }: Pick<Comparison, 'info' | 'changes'>,
): JetplugError | undefined {
  if (config.mirror) return mirrored(name, config.mirror.name);
  // The events of a sealed stream can still be handled. The host's own data must be stored.
  if (config.sealed && use !== 'events') {
    return new JetplugError('JP_STREAM_SEALED', `stream ${name} is sealed: the host can store nothing in it`);
  }
  const fixed = fixedChanges(changes);
  if (fixed.length === 0) return undefined;
  return new JetplugError('JP_STREAM_NOT_UPDATABLE', `stream ${name}: ${fixed.map(changeText).join('; ')}`);
}

/** Returns the error for a mirror. A mirror has no subjects, and the server gives it none. */
export function mirrored(name: string, origin: string): JetplugError {
  return new JetplugError(
    'JP_STREAM_MIRROR',
    `stream ${name} is a mirror of ${origin}: nothing can be published to it`,
  );
}

/**
 * Returns the error for a stream that is not this deployment's. The error's hint depends on whether an adoption loses
 * events.
 */
export async function refuseForeign(
  connection: Connection,
  wanted: WantedStream,
  found: Comparison,
  deploy: StreamDeploy,
  changes = found.changes,
): Promise<JetplugError> {
  const { info, ownership } = found;
  // An adoption makes all changes, including those of subjects that the host does not need.
  const losesEvents = await lossesOf(connection, wanted.settings, info, found.changes).then(
    (losses) => losses.length > 0,
    () => true, // The credentials do not permit the request.
  );
  const adoption = losesEvents && !deploy.allowDataLoss ? 'loses-events' : 'free';
  return foreignStream(wanted, { info, ownership, changes, adoption }, deploy.name);
}

/** Marks a stream as the deployment's. Changes nothing else of the stream. */
export async function markStream({ jsm }: Connection, { config }: StreamInfo, deployment: string): Promise<void> {
  try {
    await jsm.streams.update(config.name, { ...config, metadata: { ...config.metadata, ...markOf(deployment) } });
  } catch (error) {
    throw asBrokerError(error, `stream ${config.name}`);
  }
}

/**
 * Checks whether the stream exists. Its settings are not compared, because the hosts manage them and may have another
 * config than a command.
 * @throws JetplugError `JP_STREAM_FOREIGN` where the stream is not this deployment's
 */
export async function isOurs(connection: Connection, wanted: WantedStream, deploy: StreamDeploy): Promise<boolean> {
  const found = await compareStream(connection, wanted, deploy.name);
  if (found && found.ownership.kind !== 'ours') throw await refuseForeign(connection, wanted, found, deploy);
  return found !== undefined;
}
