import type { DurableSpec } from '../broker/durable';
import type { DurablePosition } from '../broker/durable';
import type { DurableCheckpoint } from '../records/settlements';
import { DeliverPolicy, type ConsumerConfig, type ConsumerInfo } from 'nats';
import { durationMs, JetplugError } from '../../sdk/internal';
import { Limiter } from '../base/limiter';
import type { Connection } from './connection';
import {
  changeTexts,
  correctedConfig,
  differencesOf,
  isComplete,
  newConfig,
  type DurableDifferences,
} from './durable-config';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { foreignDurable } from './foreign-durable';
import { ownershipOf } from './ownership';
import type { FieldChange } from './durable-config';

/**
 * Makes the durable where it is missing, and corrects in place what the server lets us.
 * @throws JetplugError `JP_CONSUMER_FOREIGN` where somebody else has made it, `JP_CONSUMER_NOT_UPDATABLE` where it
 * differs in a field that the server does not change
 */
export async function ensureDurable(connection: Connection, spec: DurableSpec): Promise<DurablePosition> {
  try {
    // Nothing is known of it: most likely it is not there.
    const made = spec.resumeAfter === undefined ? await createUnlessThere(connection, spec) : undefined;
    if (made) return positionOf(made);
    const existing = await findDurable(connection, spec.stream, spec.durable);
    return existing ? await correct(connection, spec, existing) : positionOf(await create(connection, spec));
  } catch (error) {
    if (error instanceof JetplugError) throw error;
    throw asBrokerError(error, `durable ${spec.durable} on stream ${spec.stream}`);
  }
}

/**
 * @throws JetplugError `JP_CONSUMER_FOREIGN` or `JP_CONSUMER_NOT_UPDATABLE` where the durable could not be brought to
 * this in place
 */
export async function checkDurable(connection: Connection, spec: DurableSpec): Promise<void> {
  const existing = await findDurable(connection, spec.stream, spec.durable);
  if (existing) checkUsable(spec, existing);
}

/** How far it is, or nothing where there is no such durable. */
export async function durablePosition(
  connection: Connection,
  stream: string,
  durable: string,
): Promise<DurablePosition | undefined> {
  const info = await findDurable(connection, stream, durable);
  return info && positionOf(info);
}

/** How it is now, or nothing where there is no such durable. */
export async function durableCheckpoint(
  connection: Connection,
  spec: DurableSpec,
): Promise<DurableCheckpoint | undefined> {
  const info = await findDurable(connection, spec.stream, spec.durable);
  return info && checkpointOf(spec, info);
}

export function checkpointOf(spec: DurableSpec, info: ConsumerInfo): DurableCheckpoint {
  const { created, ackFloor } = positionOf(info);
  return { created, delivered: info.delivered.stream_seq, ackFloor, isComplete: isComplete(spec, { ...info.config }) };
}

async function findDurable(connection: Connection, stream: string, durable: string): Promise<ConsumerInfo | undefined> {
  try {
    return await connection.requests.askApi<ConsumerInfo>(`CONSUMER.INFO.${stream}.${durable}`);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.consumerNotFound) return undefined;
    throw asBrokerError(error, `durable ${durable} on stream ${stream}`);
  }
}

/** The server makes one after the other: of many, the last are to be made before nobody waits for them any longer. */
const making = new Limiter(100);

function create(connection: Connection, spec: DurableSpec, pausedUntil?: string): Promise<ConsumerInfo> {
  const config = {
    durable_name: spec.durable,
    ...newConfig(spec),
    ...start(spec),
    ...(pausedUntil !== undefined && { pause_until: pausedUntil }),
  };
  return making.take(() =>
    connection.requests.askApi(createRequest(spec), { stream_name: spec.stream, config, action: 'create' }),
  );
}

/** The API request that creates or updates a durable. The server checks that its subject ends in the filter, if there is one. */
export function createRequest({
  stream,
  durable,
  subject = '>',
}: DurableName & { subject?: string | undefined }): string {
  return `CONSUMER.CREATE.${stream}.${durable}${subject === '>' || subject === '' ? '' : `.${subject}`}`;
}

/** Brings a durable that is there to its settings, by an update or where that is not enough by making it again. */
async function correct(connection: Connection, spec: DurableSpec, existing: ConsumerInfo): Promise<DurablePosition> {
  const { correctable, ofOtherHost, passesOver } = checkUsable(spec, existing);
  const changes = spec.yieldsToOtherHosts ? correctable : [...correctable, ...ofOtherHost];
  if (changes.length === 0) return positionOf(existing);
  const corrected =
    passesOver && spec.resumeAfter !== undefined
      ? await makeAgain(connection, spec, existing)
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
    return await making.take(() => connection.requests.askApi(createRequest(spec), body));
  } catch (error) {
    if (apiErrorCode(error) === undefined) throw error;
    const refused = `${nameOf(spec)}: the server refuses ${changeTexts(changes).join(', ')}`;
    throw new JetplugError('JP_CONSUMER_NOT_UPDATABLE', `${refused} (${(error as Error).message})`, { cause: error });
  }
}

/**
 * Starts it behind the events that are settled, so that the server delivers those which it has passed over. A pause
 * stays. Other hosts of the deployment may delete and create the durable at the same time.
 */
async function makeAgain(connection: Connection, spec: DurableSpec, existing: ConsumerInfo): Promise<ConsumerInfo> {
  const { pause_until: pausedUntil } = existing.config as { pause_until?: string };
  try {
    await connection.requests.askApi(`CONSUMER.DELETE.${spec.stream}.${spec.durable}`);
  } catch (error) {
    if (apiErrorCode(error) !== API_ERROR.consumerNotFound) throw error;
  }
  const made =
    (await createUnlessThere(connection, spec, pausedUntil)) ??
    (await findDurable(connection, spec.stream, spec.durable));
  if (!made) throw new Error('another host has deleted it again');
  return made;
}

/** Nothing where there is one that differs. */
async function createUnlessThere(
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

/** @throws JetplugError where the host must not use the durable as it is, and an update does not change that */
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

/** The error for a durable that differs in fields which the server does not change in place. */
export function notUpdatable(name: DurableName, fixed: readonly FieldChange[]): JetplugError {
  const message = `${nameOf(name)} cannot be changed in place: ${changeTexts(fixed).join(', ')}`;
  return new JetplugError('JP_CONSUMER_NOT_UPDATABLE', message);
}

type DurableName = Pick<DurableSpec, 'stream' | 'durable'>;

function nameOf({ stream, durable }: DurableName): string {
  return `durable ${durable} on stream ${stream}`;
}

function positionOf(info: ConsumerInfo): DurablePosition {
  const { delivered, ack_floor } = info;
  // Before the first delivery 2.12 gives no floor, but where it will start.
  const floor = delivered.consumer_seq === 0 ? delivered.stream_seq : ack_floor.stream_seq;
  const { opt_start_seq: start } = info.config;
  return {
    pending: info.num_pending,
    inFlight: info.num_ack_pending,
    ackFloor: floor,
    created: info.created,
    ...(start === undefined ? {} : { startSequence: start }),
  };
}
