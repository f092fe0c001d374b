/** When each failure of the broker was first seen. */
const firstSeenMs = new WeakMap<object, number>();

/**
 * Whether a failure of the broker is older than the run that throws it. The plugin has then kept the failure, for
 * example in a rejected promise. An old failure says nothing about the broker's current state, so it counts against the
 * event.
 */
export function isStale(failure: unknown, startedAtMs: number, nowMs: number): boolean {
  if (typeof failure !== 'object' || failure === null) return false;
  const seenMs = firstSeenMs.get(failure);
  if (seenMs === undefined) firstSeenMs.set(failure, nowMs);
  return seenMs !== undefined && seenMs < startedAtMs;
}
