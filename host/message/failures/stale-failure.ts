/** When each failure of the broker was first seen. */
const firstSeenMs = new WeakMap<object, number>();

/**
 * Whether a failure of the broker is from before the run that throws it: an author has kept it, such as a promise
 * that was rejected once. It tells nothing of the broker as it is now, so it counts against the event.
 */
export function isStale(failure: unknown, startedAtMs: number, nowMs: number): boolean {
  if (typeof failure !== 'object' || failure === null) return false;
  const seenMs = firstSeenMs.get(failure);
  if (seenMs === undefined) firstSeenMs.set(failure, nowMs);
  return seenMs !== undefined && seenMs < startedAtMs;
}
