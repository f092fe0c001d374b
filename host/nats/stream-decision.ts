import type { StreamInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { streamMissing } from './create-command';
import { lossesOf, lossText, type DataLoss } from './data-loss';
import { contents } from './foreign-stream';
import { coversAll, droppedSubjects, subjectsOf, type StreamChange } from './stream-changes';
import {
  compareStream,
  mirrored,
  refuseForeign,
  updateRefusal,
  type Comparison,
  type StreamDeploy,
} from './stream-comparison';
import type { WantedStream } from './wanted-streams';

/**
 * The decision how a stream on the server gets to the config, for `jetplug plan`, `apply` and `adopt`. A host makes those
 * changes of it that {@link hostAction} leaves.
 */
export type StreamDecision =
  | { readonly action: 'create' }
  /** Nothing is to be done. `managed`: whether the stream is this deployment's. */
  | { readonly action: 'use'; readonly info: StreamInfo; readonly managed: boolean }
  | {
      readonly action: 'update';
      readonly info: StreamInfo;
      readonly changes: readonly StreamChange[];
      readonly losses: readonly DataLoss[];
    }
  /** No update leads to the config: the stream would have to be deleted with its messages and created again. */
  | {
      readonly action: 'recreate';
      readonly info: StreamInfo;
      readonly changes: readonly StreamChange[];
      readonly refusal: JetplugError;
    }
  /** The stream is not this deployment's, or the config says that it must not be changed, and it does not fit. */
  | { readonly action: 'refuse'; readonly info: StreamInfo | undefined; readonly refusal: JetplugError };

/** Compares a stream with the config, and decides. Changes nothing. */
export async function decideStream(
  connection: Connection,
  wanted: WantedStream,
  deploy: StreamDeploy,
): Promise<StreamDecision> {
  const found = await compareStream(connection, wanted, deploy.name);
  if (!wanted.managed) return decideUnmanaged(wanted, found);
  if (!found) return { action: 'create' };
  if (found.ownership.kind !== 'ours') return decideForeign(connection, wanted, found, deploy);
  return decideOwn(connection, wanted, found);
}

/** Decides about a stream that is this deployment's, or is to be. */
export async function decideOwn(
  connection: Connection,
  wanted: WantedStream,
  found: Pick<Comparison, 'info' | 'changes'>,
): Promise<Exclude<StreamDecision, { action: 'create' | 'refuse' }>> {
  const { info, changes } = found;
  const refusal = updateRefusal(wanted, found);
  if (refusal) return { action: 'recreate', info, changes, refusal };
  if (changes.length === 0) return { action: 'use', info, managed: true };
  const losses = await lossesOf(connection, wanted.settings, info, changes);
  return { action: 'update', info, changes, losses };
}

/** The part of a decision that a starting host carries out. */
export type HostAction = Exclude<StreamDecision, { action: 'recreate' }>;

/**
 * Reduces a decision to what a host does. A host deletes no stream. It loses no events without `deploy.allowDataLoss`,
 * leaves settings as they are while it waits for a newer config, and creates and changes nothing with `deploy.bindOnly`.
 */
export function hostAction(
  { apiPrefix }: Pick<Connection, 'apiPrefix'>,
  wanted: WantedStream,
  decision: StreamDecision,
  { name, allowDataLoss, waits, bindOnly }: StreamDeploy,
): HostAction {
  if (decision.action === 'use' || decision.action === 'refuse') return decision;
  if (decision.action === 'create') {
    if (!bindOnly) return decision;
    return { action: 'refuse', info: undefined, refusal: streamMissing(apiPrefix, wanted, name) };
  }
  const { info } = decision;
  if (waits || bindOnly) return { action: 'use', info, managed: true };
  if (decision.action === 'recreate') return { action: 'refuse', info, refusal: decision.refusal };
  const { losses } = decision;
  if (losses.length === 0 || allowDataLoss) return decision;
  const message = `stream ${wanted.settings.name}: ${losses.map(lossText).join('. ')}`;
  return { action: 'refuse', info, refusal: new JetplugError('JP_STREAM_DATA_LOSS', message) };
}

/** Decides about a stream with `manage: false` in the config. */
function decideUnmanaged({ settings }: WantedStream, found: Comparison | undefined): StreamDecision {
  const { name, subjects } = settings;
  const refuse = (refusal: JetplugError): StreamDecision => ({ action: 'refuse', info: found?.info, refusal });
  if (!found) {
    const message = `stream ${name} is missing; the config has manage: false for it, so this host does not create it`;
    return refuse(new JetplugError('JP_STREAM_MISSING', message));
  }
  const { info } = found;
  if (info.config.mirror) return refuse(mirrored(name, info.config.mirror.name));
  const missing = droppedSubjects(subjects, subjectsOf(info.config));
  if (missing.length === 0) return { action: 'use', info, managed: false };
  const message = `stream ${name}, which has manage: false in the config, does not hold ${missing.join(' ')}: it ${contents(info)}`;
  return refuse(new JetplugError('JP_STREAM_UNCOVERED', message));
}

/**
 * Decides about a stream that is not this deployment's. The host uses an unmarked stream of events if it fits without
 * changes. It writes its own data only to its own streams.
 */
async function decideForeign(
  connection: Connection,
  wanted: WantedStream,
  found: Comparison,
  deploy: StreamDeploy,
): Promise<StreamDecision> {
  const { info, ownership } = found;
  const subjectsFit = coversAll(subjectsOf(info.config), wanted.settings.subjects);
  const changes = found.changes.filter(({ field }) => field !== 'subjects' || !subjectsFit);
  if (wanted.use === 'events' && ownership.kind === 'unmarked' && changes.length === 0) {
    return { action: 'use', info, managed: false };
  }
  return { action: 'refuse', info, refusal: await refuseForeign(connection, wanted, found, deploy, changes) };
}
