import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_PAUSE_MS = 10;
/** Some checks cost the host work. */
const LONGEST_PAUSE_MS = 200;

/**
 * Waits until the function returns a value other than `undefined` and `false`, and resolves with it. An exception counts
 * as not yet. Fails with the last reason when the time is up, by default 10 s.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  let reason: unknown = new Error('it was not so');
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
    } catch (error) {
      reason = error;
    }
    if (performance.now() >= deadline)
      throw new Error(`not so within ${timeoutMs} ms: ${String(reason)}`, { cause: reason });
    await sleep(pauseMs);
  }
}
