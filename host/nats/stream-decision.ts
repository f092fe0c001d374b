import type { StreamInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { lossesOf, type DataLoss } from './data-loss';
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
 * The decision how a stream on the server gets to the config. A starting host and `jetplug plan` make the same
 * decision.
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
  const { info, changes } = found;
  const refusal = updateRefusal(wanted, found);
  if (refusal) return { action: 'recreate', info, changes, refusal };
  if (changes.length === 0) return { action: 'use', info, managed: true };
  const losses = await lossesOf(connection, wanted.settings, info, changes);
  return { action: 'update', info, changes, losses };
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
