import type { DurablePosition, DurableSpec } from '../broker/durable';
import type { DurableCheckpoint } from '../records/skipped-sequences';
import type { ConsumerInfo } from './client';
import { JetplugError } from '../../sdk/internal';
import { Limiter } from '../base/limiter';
import type { DeployConfig } from '../config/config';
import type { Connection } from './connection';
import { durableMissing } from './create-command';
import {
  changeTexts,
  correctedConfig,
  differencesOf,
  isComplete,
  isOfFilter,
  isOwnFilter,
  type FieldChange,
} from './durable-config';
import { decideDurable, durableText, notUpdatable, type DurableDecision } from './durable-decision';
import { API_ERROR, apiErrorCode, asBrokerError, isFolderMissing } from './failures';
import { findDurable } from './find-durable';
import { ignoredFrom } from './created-from';
import { createRequest, newDurable, requestFor } from './new-durable';
import { positionOf } from './durable-position';
import { formerSubjects, waitingFormer } from './former-subjects';
import { findPause, followPause } from './pauses';

/** How a host treats the settings of durables that exist. */
export interface DurableDeploy {
  /** Default `repair`. */
  readonly drift?: DeployConfig['drift'];
  /** Whether a host with a newer config decides: this host then leaves the settings that the config decides. */
  readonly waits?: boolean;
  /** Whether the host creates, changes and deletes no durables (`deploy.bindOnly`). */
  readonly bindOnly?: boolean;
}

/**
 * Creates the durable if it is missing, and otherwise corrects the settings that the server can change in place. A
 * running host that only reports drift corrects none, unless the server skips events because of them.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` where it is not this deployment's, `JP_CONSUMER_NOT_UPDATABLE` where it
 * differs in a field that the server does not change
 */
export async function ensureDurable(
  connection: Connection,
  spec: DurableSpec,
  deploy: DurableDeploy = {},
): Promise<DurablePosition> {
  try {
    // Without a known position the durable most likely does not exist.
    const isLikelyMissing = spec.resumeAfter === undefined && !deploy.bindOnly;
    const created = isLikelyMissing ? await createIfMissing(connection, spec) : undefined;
    if (created) return { ...positionOf(created), ...formerOf(spec) };
    const existing = await findDurable(connection, spec.stream, spec.durable);
    if (!existing && deploy.bindOnly) throw durableMissing(connection.apiPrefix, spec);
    if (!existing) return { ...positionOf(await create(connection, spec)), ...formerOf(spec) };
    const present = { ...spec, former: await formerSubjects(connection, spec, existing) };
    const ignored = ignoredFrom(spec.from, existing);
    return {
      ...(await correct(connection, present, existing, deploy)),
      ...formerOf(present),
      ...(ignored && { ignoredFrom: ignored }),
    };
  } catch (error) {
    if (error instanceof JetplugError) throw error;
    throw asBrokerError(error, `durable ${spec.durable} on stream ${spec.stream}`);
  }
}

function formerOf({ former = [] }: DurableSpec): Pick<DurablePosition, 'former'> {
  return former.length > 0 ? { former } : {};
}

/**
 * Checks that the durable is missing or can be brought to these settings in place.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE`
 */
export async function checkDurable(connection: Connection, spec: DurableSpec): Promise<void> {
  const existing = await findDurable(connection, spec.stream, spec.durable);
  if (existing) usableDecision(spec, existing);
}

/** Reads a durable's position; undefined if there is no such durable. */
export async function durablePosition(
  connection: Connection,
  stream: string,
  durable: string,
): Promise<DurablePosition | undefined> {
  const info = await findDurable(connection, stream, durable);
  return info && positionOf(info);
}

/** Reads a durable's checkpoint; undefined if there is no such durable. */
export async function durableCheckpoint(
  connection: Connection,
  spec: DurableSpec,
): Promise<DurableCheckpoint | undefined> {
  const info = await findDurable(connection, spec.stream, spec.durable);
  return info && checkpointOf(spec, info);
}

export function checkpointOf(spec: DurableSpec, info: ConsumerInfo): DurableCheckpoint {
  const { created, ackFloor } = positionOf(info);
  return {
    created,
    delivered: info.delivered.stream_seq,
    ackFloor,
    isComplete: isComplete({ ...spec, former: waitingFormer(spec, info) }, { ...info.config }),
  };
}

/** The server creates consumers one after the other. With more requests at once the last ones would time out. */
const requestLimit = new Limiter(100);

async function create(connection: Connection, spec: DurableSpec, pausedUntil?: string): Promise<ConsumerInfo> {
  const { pausedWith } = spec;
  const pause = pausedUntil ?? (pausedWith && (await findPause(connection, pausedWith)));
  const created = await requestLimit.take(() =>
    connection.requests.askApi<ConsumerInfo>(requestFor(spec), newDurable(spec, pause)),
  );
  if (pausedWith && pausedUntil === undefined) await followPause(connection, spec, pausedWith, pause);
  return created;
}

/**
 * Brings a durable to its settings by an update. Deletes the durable and creates it again if it has skipped events, or
 * if the server does not change a field of it and the config allows that.
 */
async function correct(
  connection: Connection,
  own: DurableSpec,
  existing: ConsumerInfo,
  { drift, waits, bindOnly }: DurableDeploy,
): Promise<DurablePosition> {
  const spec = waits || bindOnly ? withServerSettings(own, existing) : own;
  const decision = usableDecision(spec, existing);
  if (decision.action === 'use') return positionOf(existing);
  const { action, changes } = decision;
  if (bindOnly && (action === 'recreate' || changes.some(isOfFilter))) throw notUpdatable(spec, changes);
  const isReported = drift === 'report' && spec.yieldsToOtherHosts && !isOwnFilter(changes, { ...existing.config });
  if (action === 'update' && (isReported || bindOnly)) return positionOf(existing);
  const corrected = replaces(decision, spec)
    ? await replace(connection, { ...spec, resumeAfter: spec.resumeAfter ?? positionOf(existing).ackFloor }, existing)
    : await update(connection, spec, existing, changes);
  const limited = differencesOf(spec, { ...corrected.config }).correctable;
  const done = changes.filter((change) => !limited.some(({ field }) => field === change.field));
  return {
    ...positionOf(corrected),
    ...(done.length > 0 && { corrected: changeTexts(done) }),
    ...(limited.length > 0 && { limited: changeTexts(limited) }),
  };
}

/** Whether the durable is created again. Without a known position, one that skips events can only be updated. */
function replaces(decision: DurableDecision, { resumeAfter }: DurableSpec): boolean {
  return decision.action === 'recreate' && (decision.refusal !== undefined || resumeAfter !== undefined);
}

async function update(
  connection: Connection,
  spec: DurableSpec,
  { config }: ConsumerInfo,
  changes: readonly FieldChange[],
): Promise<ConsumerInfo> {
  const body = { stream_name: spec.stream, config: correctedConfig(spec, { ...config }), action: 'update' };
  try {
    return await requestLimit.take(() => connection.requests.askApi(requestFor(spec), body));
  } catch (error) {
    if (isFolderMissing(error) && spec.resumeAfter !== undefined) return replace(connection, spec, { config });
    if (apiErrorCode(error) === undefined) throw error;
    const refused = `${durableText(spec)}: the server refuses ${changeTexts(changes).join(', ')}`;
    throw new JetplugError('JP_CONSUMER_NOT_UPDATABLE', `${refused} (${(error as Error).message})`, { cause: error });
  }
}

/** How often a durable is replaced whose folder the server removes. */
const REPLACE_TRIES = 3;

/**
 * Replaces the durable by a new one that starts after the settled events, so that the server delivers the events that
 * the old one has skipped. A pause stays in force. Other hosts of the deployment may do the same at the same time.
 */
async function replace(
  connection: Connection,
  spec: DurableSpec,
  existing: Pick<ConsumerInfo, 'config'>,
): Promise<ConsumerInfo> {
  const { pause_until: pausedUntil } = existing.config as { pause_until?: string };
  for (let tries = 1; ; tries++) {
    try {
      await connection.requests.askApi(`CONSUMER.DELETE.${spec.stream}.${spec.durable}`);
    } catch (error) {
      if (apiErrorCode(error) !== API_ERROR.consumerNotFound) throw error;
    }
    const created =
      (await createIfMissing(connection, spec, pausedUntil)) ??
      (await findDurable(connection, spec.stream, spec.durable));
    if (!created) throw new Error('another host has deleted the durable again');
    if (tries === REPLACE_TRIES || (await hasFolder(connection, spec, created))) return created;
  }
}

/**
 * Whether the server can store the state of a durable. The server forgets a deleted durable before it removes its
 * folder. If another host creates the durable in between, the server removes the folder of the new one: it then loses
 * the durable at its next start, and refuses each update. This function sends an update without changes, so call it
 * when the deletion has been answered.
 */
async function hasFolder({ requests }: Connection, spec: DurableSpec, { config }: ConsumerInfo): Promise<boolean> {
  const request = createRequest({ ...spec, subject: config.filter_subject });
  try {
    await requests.askApi(request, { stream_name: spec.stream, config, action: 'update' });
    return true;
  } catch (error) {
    if (isFolderMissing(error)) return false;
    throw error;
  }
}

/**
 * Returns the spec with those settings of the durable on the server that the config decides. A host that waits for a
 * newer config leaves them as they are.
 */
export function withServerSettings(spec: DurableSpec, { config }: Pick<ConsumerInfo, 'config'>): DurableSpec {
  const { ack_wait: ackWait, max_ack_pending: maxAckPending = spec.maxAckPending } = config;
  return { ...spec, ackWaitMs: ackWait === undefined ? spec.ackWaitMs : ackWait / 1e6, maxAckPending };
}

/** Creates the durable. Resolves with undefined if a durable of this name with other settings exists. */
async function createIfMissing(
  connection: Connection,
  spec: DurableSpec,
  pausedUntil?: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await create(connection, spec, pausedUntil);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.consumerExists) return undefined;
    throw error;
  }
}

/** @throws JetplugError where the host must not use the durable, or must not create it again */
function usableDecision(spec: DurableSpec, existing: ConsumerInfo): Exclude<DurableDecision, { action: 'refuse' }> {
  const decision = decideDurable(spec, existing);
  if (decision.action === 'refuse') throw decision.refusal;
  if (decision.action === 'recreate' && decision.refusal && !spec.mayRecreate) throw decision.refusal;
  return decision;
}
