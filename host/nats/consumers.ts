import { AckPolicy, DeliverPolicy, nanos, ReplayPolicy, type ConsumerConfig, type ConsumerInfo } from 'nats';
import { durationMs, JetplugError, type From } from '../../sdk/internal';
import { Turns } from '../turns';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';

/** What a handler asks of its durable consumer. */
export interface DurableSpec {
  readonly stream: string;
  readonly durable: string;
  readonly subject: string;
  /** Counts only when the durable is made for the first time. */
  readonly from: From;
  /** Where to go on when the durable was made before and is gone: behind what is settled. */
  readonly resumeAfter?: number;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  /** For whoever looks at it with other tools. */
  readonly owner: { readonly plugin: string; readonly handler: string };
}

/** How far a durable is. */
export interface DurablePosition {
  /** Not delivered yet. */
  readonly pending: number;
  /** Delivered and not settled, delayed ones included; of all hosts. */
  readonly inFlight: number;
  /** Everything up to this sequence of the stream is settled. */
  readonly ackFloor: number;
  /** Where it began, if that was told by a sequence. */
  readonly startSequence?: number;
}

/** Makes the durable where it is missing, and updates in place what the server lets us. */
export async function ensureDurable(connection: Connection, spec: DurableSpec): Promise<DurablePosition> {
  const isNew = spec.resumeAfter === undefined;
  try {
    // Nothing is known of it: most likely it is not there.
    const made = isNew ? await createUnlessDifferent(connection, spec) : undefined;
    if (made) return positionOf(made);
    const existing = await findDurable(connection, spec.stream, spec.durable);
    if (!existing) return positionOf(await create(connection, spec));
    const wanted = updatable(spec);
    refuseFixed(existing, spec);
    if (!differs(wanted, existing.config)) return positionOf(existing);
    return positionOf(
      await connection.jsm.consumers.update(spec.stream, spec.durable, { ...existing.config, ...wanted }),
    );
  } catch (error) {
    if (error instanceof JetplugError) throw error;
    throw asBrokerError(error, `durable ${spec.durable} on stream ${spec.stream}`);
  }
}

/** @throws JetplugError `JP_CONSUMER_NOT_UPDATABLE` where the durable could not be brought to this in place */
export async function checkDurable(connection: Connection, spec: DurableSpec): Promise<void> {
  const existing = await findDurable(connection, spec.stream, spec.durable);
  if (existing) refuseFixed(existing, spec);
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

async function findDurable(connection: Connection, stream: string, durable: string): Promise<ConsumerInfo | undefined> {
  try {
    return await connection.acks.askApi<ConsumerInfo>(`CONSUMER.INFO.${stream}.${durable}`);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.consumerNotFound) return undefined;
    throw asBrokerError(error, `durable ${durable} on stream ${stream}`);
  }
}

/** The server makes one after the other: of many, the last are to be made before nobody waits for them any longer. */
const making = new Turns(100);

function create(connection: Connection, spec: DurableSpec): Promise<ConsumerInfo> {
  const config: Partial<ConsumerConfig> = {
    durable_name: spec.durable,
    ack_policy: AckPolicy.Explicit,
    replay_policy: ReplayPolicy.Instant,
    // The host counts failures itself: the server's count includes deploys and lost connections.
    max_deliver: -1,
    ...start(spec),
    ...updatable(spec),
  };
  const { stream, durable, subject } = spec;
  const request = `CONSUMER.CREATE.${stream}.${durable}${subject === '>' ? '' : `.${subject}`}`;
  return making.take(() => connection.acks.askApi(request, { stream_name: stream, config, action: 'create' }));
}

/** Nothing where there is one that differs. */
async function createUnlessDifferent(connection: Connection, spec: DurableSpec): Promise<ConsumerInfo | undefined> {
  try {
    return await create(connection, spec);
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.consumerExists) return undefined;
    throw error;
  }
}

function updatable(spec: DurableSpec): Partial<ConsumerConfig> {
  const { plugin, handler } = spec.owner;
  return {
    filter_subject: spec.subject,
    ack_wait: nanos(spec.ackWaitMs),
    max_ack_pending: spec.maxAckPending,
    description: `jetplug ${plugin}.${handler}`,
    metadata: { 'jetplug.plugin': plugin, 'jetplug.handler': handler },
  };
}

function start({ from, resumeAfter }: DurableSpec): Partial<ConsumerConfig> {
  if (resumeAfter !== undefined) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: resumeAfter + 1 };
  if (from === 'new') return { deliver_policy: DeliverPolicy.New };
  if (from === 'beginning') return { deliver_policy: DeliverPolicy.All };
  if ('sequence' in from) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence };
  const time = new Date(Date.now() - durationMs(from.since, 'from.since'));
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time.toISOString() };
}

/** Settings that only a new consumer could have, found on one that somebody else made. */
function refuseFixed({ config }: ConsumerInfo, spec: DurableSpec): void {
  const name = `durable ${spec.durable} on stream ${spec.stream}`;
  if ('deliver_subject' in config && Boolean((config as { deliver_subject?: string }).deliver_subject)) {
    throw new JetplugError('JP_CONSUMER_NOT_UPDATABLE', `${name} is a push consumer; the host pulls`);
  }
  if (config.ack_policy !== AckPolicy.Explicit) {
    throw new JetplugError(
      'JP_CONSUMER_NOT_UPDATABLE',
      `${name} has the ack policy ${config.ack_policy}; the host needs explicit`,
    );
  }
}

function differs(wanted: Partial<ConsumerConfig>, actual: ConsumerConfig): boolean {
  return Object.entries(wanted).some(([field, value]) => {
    const other: unknown = actual[field as keyof ConsumerConfig];
    if (field !== 'metadata') return value !== other;
    // The server adds entries of its own.
    const theirs = (other ?? {}) as Record<string, string>;
    return Object.entries(value as Record<string, string>).some(([key, text]) => theirs[key] !== text);
  });
}

function positionOf(info: ConsumerInfo): DurablePosition {
  const { delivered, ack_floor } = info;
  // Before the first delivery the server gives no floor, but where it will start.
  const floor = delivered.consumer_seq === 0 ? delivered.stream_seq : ack_floor.stream_seq;
  const { opt_start_seq: start } = info.config;
  return {
    pending: info.num_pending,
    inFlight: info.num_ack_pending,
    ackFloor: floor,
    ...(start === undefined ? {} : { startSequence: start }),
  };
}
