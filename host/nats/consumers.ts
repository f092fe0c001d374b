import type { DurablePosition, DurableSpec } from '../broker/durable';
import type { DurableCheckpoint } from '../records/skipped-sequences';
import { DeliverPolicy, type ConsumerConfig, type ConsumerInfo } from './client';
import { durationMs, JetplugError } from '../../sdk/internal';
import { Limiter } from '../base/limiter';
import type { Connection } from './connection';
import {
  changeTexts,
  correctedConfig,
  differencesOf,
  filtersFor,
  isComplete,
  newConfig,
  type DurableDifferences,
  type FieldChange,
} from './durable-config';
import { API_ERROR, apiErrorCode, asBrokerError, isFolderMissing } from './failures';
import { findDurable } from './find-durable';
import { fromRecord, ignoredFrom } from './created-from';
import { positionOf } from './durable-position';
import { formerSubjects, waitingFormer } from './former-subjects';
import { foreignDurable } from './foreign-durable';
import { ownershipOf } from './ownership';
import { findPause, followPause } from './pauses';

/**
 * Creates the durable if it is missing, and otherwise corrects the settings that the server can change in place.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` where it is not this deployment's, `JP_CONSUMER_NOT_UPDATABLE` where it
 * differs in a field that the server does not change
 */
export async function ensureDurable(connection: Connection, spec: DurableSpec): Promise<DurablePosition> {
  try {
    // Without a known position the durable most likely does not exist.
    const created = spec.resumeAfter === undefined ? await createIfMissing(connection, spec) : undefined;
    if (created) return { ...positionOf(created), ...formerOf(spec) };
    const existing = await findDurable(connection, spec.stream, spec.durable);
    if (!existing) return { ...positionOf(await create(connection, spec)), ...formerOf(spec) };
    const present = { ...spec, former: await formerSubjects(connection, spec, existing) };
    const ignored = ignoredFrom(spec.from, existing);
    return {
      ...(await correct(connection, present, existing)),
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
  if (existing) checkUsable(spec, existing);
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
  const { metadata, ...settings } = newConfig(spec);
  const config = {
    durable_name: spec.durable,
    ...settings,
    metadata: { ...metadata, ...fromRecord(spec.from) },
    ...start(spec),
    ...(pause !== undefined && { pause_until: pause }),
  };
  const created = await requestLimit.take(() =>
    connection.requests.askApi<ConsumerInfo>(requestFor(spec), {
      stream_name: spec.stream,
      config,
      action: 'create',
    }),
  );
  if (pausedWith && pausedUntil === undefined) await followPause(connection, spec, pausedWith, pause);
  return created;
}

/**
 * Returns the API request that creates or updates a durable. The server checks that the request's subject ends in the
 * filter, if there is one.
 */
export function createRequest({
  stream,
  durable,
  subject = '>',
}: DurableName & { subject?: string | undefined }): string {
  return `CONSUMER.CREATE.${stream}.${durable}${subject === '>' || subject === '' ? '' : `.${subject}`}`;
}

function requestFor(spec: DurableSpec): string {
  const [filter, ...more] = filtersFor(spec);
  return createRequest({ ...spec, subject: more.length === 0 ? filter : undefined });
}

/** Brings a durable to its settings by an update, or by deleting and creating the durable if it has skipped events. */
async function correct(connection: Connection, spec: DurableSpec, existing: ConsumerInfo): Promise<DurablePosition> {
  const { correctable, ofOtherHost, skipsEvents } = checkUsable(spec, existing);
  const changes = spec.yieldsToOtherHosts ? correctable : [...correctable, ...ofOtherHost];
  if (changes.length === 0) return positionOf(existing);
  const corrected =
    skipsEvents && spec.resumeAfter !== undefined
      ? await replace(connection, spec, existing)
      : await update(connection, spec, existing, changes);
  const limited = differencesOf(spec, { ...corrected.config }).correctable;
  const done = changes.filter((change) => !limited.some(({ field }) => field === change.field));
  return {
    ...positionOf(corrected),
    ...(done.length > 0 && { corrected: changeTexts(done) }),
    ...(limited.length > 0 && { limited: changeTexts(limited) }),
  };
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
    const refused = `${nameOf(spec)}: the server refuses ${changeTexts(changes).join(', ')}`;
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

function start({ from, resumeAfter }: DurableSpec): Partial<ConsumerConfig> {
  if (resumeAfter !== undefined) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: resumeAfter + 1 };
  if (from === 'new') return { deliver_policy: DeliverPolicy.New };
  if (from === 'beginning') return { deliver_policy: DeliverPolicy.All };
  if ('sequence' in from) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence };
  const time = new Date(Date.now() - durationMs(from.since, 'from.since'));
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time.toISOString() };
}

/** @throws JetplugError where the host must not use the durable, and an update does not change that */
function checkUsable(spec: DurableSpec, existing: ConsumerInfo): DurableDifferences {
  const { config } = existing;
  const owner = ownershipOf(config.metadata, spec.deployment);
  if (owner.kind !== 'ours') throw foreignDurable(spec, existing, owner);
  const differences = differencesOf(spec, { ...config });
  const { fixed, ofOtherHost } = differences;
  if (fixed.length > 0) throw notUpdatable(spec, fixed);
  const filter = ofOtherHost.find(({ field }) => field === 'filter_subject');
  if (filter && spec.yieldsToOtherHosts) {
    const message = `${nameOf(spec)} has a filter that another host of the deployment has set since: ${changeTexts([filter]).join()}`;
    throw new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message, {
      hint: 'Hosts of one deployment need the same plugins: bring this host to the version of the other, or stop one of them.',
    });
  }
  return differences;
}

/** Returns the error for a durable that differs in fields which the server does not change in place. */
export function notUpdatable(name: DurableName, fixed: readonly FieldChange[]): JetplugError {
  const message = `${nameOf(name)} cannot be changed in place: ${changeTexts(fixed).join(', ')}`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message);
}

type DurableName = Pick<DurableSpec, 'stream' | 'durable'>;

function nameOf({ stream, durable }: DurableName): string {
  return `durable ${durable} on stream ${stream}`;
}
