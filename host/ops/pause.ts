import type { Connection } from '../nats/connection';
import { handlerDurables } from '../nats/handler-durables';
import { setPause } from '../nats/pauses';
import { findHandlers, isRetryQueue, type TargetHandler } from './pause-target';

/** The pause of a handler after a change, and before it. */
export interface HandlerPause {
  readonly plugin: string;
  readonly handler: string;
  readonly paused: boolean;
  /** Whether the change has changed the pause. */
  readonly changed: boolean;
  /** The end of the pause, in ISO 8601; a pause until somebody resumes the handler ends in the year 9999. */
  readonly pausedUntil?: string;
  /** The end of the earlier pause, if there was one. */
  readonly pausedBefore?: string;
  /** The events that are not delivered yet, and those that are delivered and not settled. */
  readonly pending: number;
  readonly inFlight: number;
  /** The events in the handler's retry queue. */
  readonly deferred: number;
  readonly durables: readonly { readonly stream: string; readonly durable: string }[];
}

/** The pauses of the handlers that could be changed, and the errors of the others. */
export interface PauseResult {
  readonly done: readonly HandlerPause[];
  readonly failures: readonly unknown[];
}

/**
 * Pauses or resumes a plugin or one of its handlers, for all hosts.
 * @param target a plugin, or `plugin.handler`
 * @param until the end of the pause; undefined resumes
 * @throws JetplugError as `findHandlers` does
 */
export async function changePauses(
  connection: Connection,
  deployment: string,
  target: string,
  until: Date | undefined,
): Promise<PauseResult> {
  const found = findHandlers(target, await handlerDurables(connection, deployment));
  const results = await Promise.allSettled(found.map((handler) => change(handler, until, connection)));
  return {
    done: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    failures: results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])),
  };
}

/** Pauses or resumes the durables of a handler, that of its stream first (see `followPause`). */
async function change(
  { plugin, handler, durables }: TargetHandler,
  until: Date | undefined,
  connection: Connection,
): Promise<HandlerPause> {
  const wanted = until?.toISOString();
  let changed = false;
  for (const durable of durables) {
    if (durable.pausedUntil?.toISOString() === wanted) continue;
    await setPause(connection, durable, wanted);
    changed = true;
  }
  const before = durables.map(({ pausedUntil }) => pausedUntil).find((end) => end !== undefined);
  const own = durables.filter((durable) => !isRetryQueue(durable));
  const deferred = durables.filter(isRetryQueue);
  return {
    plugin,
    handler,
    paused: until !== undefined,
    changed,
    ...(wanted !== undefined && { pausedUntil: wanted }),
    ...(before && { pausedBefore: before.toISOString() }),
    pending: sum(own.map(({ pending }) => pending)),
    inFlight: sum(own.map(({ inFlight }) => inFlight)),
    deferred: sum(deferred.map(({ pending, inFlight }) => pending + inFlight)),
    durables: durables.map(({ stream, durable }) => ({ stream, durable })),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
