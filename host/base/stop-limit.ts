import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long the `onStop` of a plugin, and all those of a folder's providers together, may take, so that they delay
 * neither the next version nor the exit of the host for longer.
 */
export const STOP_LIMIT_MS = 10_000;

/**
 * Waits for work that stops something. Resolves with an error if the work has not ended within the limit: it continues,
 * and nothing waits for it. Rejects as the work does.
 */
export async function withinStopLimit(work: Promise<unknown>, limitMs = STOP_LIMIT_MS): Promise<Error | undefined> {
  const timer = new AbortController();
  const limit = sleep(limitMs, 'late', { signal: timer.signal }).catch(() => undefined);
  const ended = work.then(() => undefined).finally(() => timer.abort());
  const first = await Promise.race([ended, limit]);
  if (first === undefined) return undefined;
  return new Error(`it has not ended after ${limitMs} ms and is not waited for any longer`);
}
