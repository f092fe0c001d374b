import { DeliverPolicy, type ConsumerInfo } from './client';
import type { Connection } from './connection';
import { filtersOf } from './durable-filters';
import { listDurables } from './list-durables';
import { countFrom } from './message-count';

/** A handler's durable as it is on the server. */
export interface HandlerPosition {
  readonly plugin: string;
  readonly handler: string;
  readonly durable: string;
  /** The subjects that it delivers. */
  readonly filters: readonly string[];
  readonly createdMs: number;
  /** The last sequence of the stream that it has delivered or skipped. */
  readonly delivered: number;
  /** Everything up to this sequence is acknowledged or not for the handler. */
  readonly ackFloor: number;
  /** Where it began, if it began at a sequence or at a time, in milliseconds since 1970. */
  readonly startSequence?: number;
  readonly startMs?: number;
  /** Whether it began with the events that were stored after its creation. */
  readonly deliversNew: boolean;
  /** The end of the pause, in ISO 8601, while it is paused. */
  readonly pausedUntil?: string;
  /** Whether a host pulls from it. */
  readonly isPulled: boolean;
  readonly pending: number;
}

/** Lists the durables of a stream that hosts have made for handlers, of any deployment, by their marks. */
export async function handlerPositions(connection: Connection, stream: string): Promise<HandlerPosition[]> {
  return [...(await listDurables(connection, stream)).values()].flatMap((info) => handlerPosition(info) ?? []);
}

/**
 * Counts the events that a durable delivers before this one, which it has not delivered yet. Resolves with undefined if
 * the server does not tell.
 */
export async function countBefore(
  connection: Connection,
  stream: string,
  { pending, filters }: HandlerPosition,
  sequence: number,
): Promise<number | undefined> {
  const from = await countFrom(connection, stream, sequence, filters);
  return from === undefined ? undefined : Math.max(0, pending - from);
}

function handlerPosition(info: ConsumerInfo): HandlerPosition | undefined {
  const { config, delivered, ack_floor: floor } = info;
  const { 'jetplug.plugin': plugin, 'jetplug.handler': handler } = config.metadata ?? {};
  if (plugin === undefined || handler === undefined) return undefined;
  const { opt_start_seq: startSequence, opt_start_time: startTime, deliver_policy: policy } = config;
  const { pause_until: pausedUntil } = config as { pause_until?: string };
  const isPaused = (info as { paused?: boolean }).paused === true;
  return {
    plugin,
    handler,
    durable: info.name,
    filters: filtersOf(info.config),
    createdMs: Date.parse(info.created),
    delivered: delivered.stream_seq,
    // The server reports no ack floor before the first delivery, but the start position.
    ackFloor: delivered.consumer_seq === 0 ? 0 : floor.stream_seq,
    ...(startSequence !== undefined && { startSequence }),
    ...(startTime !== undefined && { startMs: Date.parse(startTime) }),
    deliversNew: policy === DeliverPolicy.New,
    ...(isPaused && pausedUntil !== undefined && { pausedUntil }),
    isPulled: info.num_waiting > 0,
    pending: info.num_pending,
  };
}
