import type { StreamInfo } from 'nats';
import { JetplugError } from '../../sdk/internal';
import type { DeployConfig } from '../config/config';
import type { Connection } from './connection';
import { lossesOf, lossText } from './data-loss';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { foreignStream } from './foreign-stream';
import { markOf, ownershipOf, type Ownership } from './ownership';
import { changesOf, changeText, fixedChanges, type StreamChange } from './stream-changes';
import type { WantedStream } from './wanted-streams';

/** A stream on the server, and how it differs from the config. */
export interface Comparison {
  readonly info: StreamInfo;
  readonly ownership: Ownership;
  readonly changes: readonly StreamChange[];
}

/** Compares; nothing where there is no such stream. */
export async function compareStream(
  { jsm }: Connection,
  { settings }: WantedStream,
  deployment: string,
): Promise<Comparison | undefined> {
  try {
    const info = await jsm.streams.info(settings.name);
    return {
      info,
      ownership: ownershipOf(info.config.metadata, deployment),
      changes: changesOf(settings, info.config),
    };
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.streamNotFound) return undefined;
    throw asBrokerError(error, `stream ${settings.name}`);
  }
}

/**
 * Refuses changes of a stream that the server would not make, or that cost stored events.
 * @returns what the changes are and, where `deploy.allowDataLoss` permits that, cost
 * @throws JetplugError `JP_STREAM_MIRROR`, `JP_STREAM_NOT_UPDATABLE`, `JP_STREAM_DATA_LOSS`
 */
export async function assertUpdatable(
  connection: Connection,
  { settings }: WantedStream,
  { info, changes }: Pick<Comparison, 'info' | 'changes'>,
  { allowDataLoss }: Pick<DeployConfig, 'allowDataLoss'>,
): Promise<string[]> {
  if (info.config.mirror) throw mirrored(settings.name, info.config.mirror.name);
  const fixed = fixedChanges(changes);
  if (fixed.length > 0) {
    throw new JetplugError('JP_STREAM_NOT_UPDATABLE', `stream ${settings.name}: ${fixed.map(changeText).join('; ')}`);
  }
  const losses = (await lossesOf(connection, settings, info, changes)).map(lossText);
  if (losses.length > 0 && !allowDataLoss) {
    throw new JetplugError('JP_STREAM_DATA_LOSS', `stream ${settings.name}: ${losses.join('. ')}`);
  }
  return [...changes.map(changeText), ...losses];
}

/** A mirror has no subjects, and the server gives it none. */
export function mirrored(name: string, origin: string): JetplugError {
  return new JetplugError(
    'JP_STREAM_MIRROR',
    `stream ${name} is a mirror of ${origin}: nothing can be published to it`,
  );
}

/** The refusal to touch a stream that is not this deployment's. Its hint depends on whether taking it over costs events. */
export async function refuseForeign(
  connection: Connection,
  wanted: WantedStream,
  found: Comparison,
  deploy: DeployConfig,
  changes = found.changes,
): Promise<JetplugError> {
  const { info, ownership } = found;
  // An adoption makes all the changes, those of subjects included, which the host can do without.
  const losesEvents = await lossesOf(connection, wanted.settings, info, found.changes).then(
    (losses) => losses.length > 0,
    () => true, // the server does not let this host ask
  );
  const adoption = losesEvents && !deploy.allowDataLoss ? 'loses-events' : 'free';
  return foreignStream(wanted, { info, ownership, changes, adoption }, deploy.name);
}

/** Marks a stream as the deployment's; nothing else of it changes. */
export async function markStream({ jsm }: Connection, { config }: StreamInfo, deployment: string): Promise<void> {
  try {
    await jsm.streams.update(config.name, { ...config, metadata: { ...config.metadata, ...markOf(deployment) } });
  } catch (error) {
    throw asBrokerError(error, `stream ${config.name}`);
  }
}

/**
 * Whether the stream is on the server. A command leaves its settings to the hosts, whose config may be another.
 * @throws JetplugError `JP_STREAM_FOREIGN` where there is one that is not this deployment's
 */
export async function isOurs(connection: Connection, wanted: WantedStream, deploy: DeployConfig): Promise<boolean> {
  const found = await compareStream(connection, wanted, deploy.name);
  if (found && found.ownership.kind !== 'ours') throw await refuseForeign(connection, wanted, found, deploy);
  return found !== undefined;
}
