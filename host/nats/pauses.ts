import type { DurableSpec } from '../broker/durable';
import type { ConsumerInfo } from './client';
import type { Connection } from './connection';
import { asBrokerError } from './failures';
import { findDurable } from './find-durable';

type Pauseable = Pick<DurableSpec, 'stream' | 'durable'>;

/** The time until which a durable is paused on the server; undefined if it is not paused. */
export function pausedUntilOf(info: ConsumerInfo): Date | undefined {
  const { pause_until: until } = info.config as { pause_until?: string };
  const isPaused = (info as { paused?: boolean }).paused === true && until !== undefined;
  return isPaused ? new Date(until) : undefined;
}

/**
 * Pauses a durable on the server until this time, or resumes it. It delivers nothing meanwhile, to no host. Deliveries
 * in flight are not affected.
 * @param until in ISO 8601; undefined resumes the durable
 */
export async function setPause(
  { requests }: Connection,
  { stream, durable }: Pauseable,
  until: string | undefined,
): Promise<void> {
  try {
    await requests.askApi(`CONSUMER.PAUSE.${stream}.${durable}`, until === undefined ? {} : { pause_until: until });
  } catch (error) {
    throw asBrokerError(
      error,
      `${until === undefined ? 'resuming' : 'pausing'} durable ${durable} on stream ${stream}`,
    );
  }
}

/**
 * Repeats a change of the other durable's pause that was made while this one was created. `jetplug pause` changes the
 * other one first, so either it or this function finds the new durable.
 */
export async function followPause(
  connection: Connection,
  spec: DurableSpec,
  other: Pauseable,
  pause: string | undefined,
): Promise<void> {
  for (let present = pause; ;) {
    const wanted = await findPause(connection, other);
    if (wanted === present) return;
    await setPause(connection, spec, wanted);
    present = wanted;
  }
}

/** Reads until when a durable is paused, as the server writes it; undefined if it is missing or not paused. */
export async function findPause(connection: Connection, { stream, durable }: Pauseable): Promise<string | undefined> {
  const info = await findDurable(connection, stream, durable);
  return info && pausedUntilOf(info)?.toISOString();
}
