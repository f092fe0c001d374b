import { setImmediate as turn } from 'node:timers/promises';
import { pause, retryUntil, type RetryOptions } from '../../../host/base/retry-until';
import { VirtualTime } from '../../../host/testing/virtual-time';

/** Work that fails with these errors in turn and then succeeds; the test moves the time. */
function failing(errors: readonly string[], options: Partial<RetryOptions> = {}) {
  const time = new VirtualTime(0);
  const triedAtMs: number[] = [];
  const reported: string[] = [];
  const left = [...errors];
  const work = async (): Promise<string> => {
    triedAtMs.push(time.nowMs());
    await turn();
    const next = left.shift();
    if (next !== undefined) throw new Error(next);
    return 'done';
  };
  const result = retryUntil(work, {
    waitMs: 1_000,
    time,
    failed: (error) => reported.push((error as Error).message),
    ...options,
  });
  /** Advances the time while a wait is pending. */
  const run = async (): Promise<void> => {
    do for (let i = 0; i < 5; i++) await turn();
    while (time.step(Infinity, false));
  };
  return { result, run, time, triedAtMs, reported };
}

test('work that succeeds at once is called once, and nothing is reported', async () => {
  const { result, triedAtMs, reported } = failing([]);
  await expect(result).resolves.toBe('done');
  expect([triedAtMs, reported]).toEqual([[0], []]);
});

test('failed work is retried after the wait, until it succeeds', async () => {
  const { result, run, triedAtMs } = failing(['a', 'b', 'c']);
  await run();
  await expect(result).resolves.toBe('done');
  expect(triedAtMs).toEqual([0, 1_000, 2_000, 3_000]);
});

test('the wait may depend on the error and on the number of failed attempts', async () => {
  const waitMs = (error: unknown, failures: number): number =>
    (error as Error).message === 'refused' ? 10_000 : 100 * failures;
  const { result, run, triedAtMs } = failing(['a', 'refused', 'a'], { waitMs });
  await run();
  await result;
  expect(triedAtMs).toEqual([0, 100, 10_100, 10_400]);
});

test('the same failure is reported once, a different one at once, and a lasting one again', async () => {
  const { result, run, reported } = failing(['a', 'a', 'b', 'a', 'b', 'a'], { reportAgainMs: 3_000 });
  await run();
  await result;
  // One failure a second: `a` at 0 s and again at 3 s, `b` at 2 s; the others came too early.
  expect(reported).toEqual(['a', 'b', 'a']);
});

test('a permanent error is thrown, and not reported', async () => {
  const { result, run, triedAtMs, reported } = failing(['a', 'fatal', 'a'], {
    mayPass: (error) => (error as Error).message !== 'fatal',
  });
  const thrown = expect(result).rejects.toThrow('fatal');
  await run();
  await thrown;
  expect([triedAtMs, reported]).toEqual([[0, 1_000], ['a']]);
});

test('a stop cuts the wait short, and no further attempt is made', async () => {
  const stopping = new AbortController();
  const { result, time, triedAtMs } = failing(['a', 'a'], { stop: stopping.signal });
  for (let i = 0; i < 5; i++) await turn();
  stopping.abort();
  await expect(result).resolves.toBeUndefined();
  expect(triedAtMs).toEqual([0]);
  expect(time.step(Infinity, false)).toBe(false);
});

test('a stop before the first attempt prevents it', async () => {
  const { result, triedAtMs } = failing([], { stop: AbortSignal.abort() });
  await expect(result).resolves.toBeUndefined();
  expect(triedAtMs).toEqual([]);
});

test.each([
  ['succeeds', [], 'done'],
  ['fails', ['a'], undefined],
])(
  'an attempt that %s during the stop decides the result, and no failure is reported',
  async (_how, errors, expected) => {
    const stopping = new AbortController();
    const { result, reported } = failing(errors, { stop: stopping.signal });
    stopping.abort();
    await expect(result).resolves.toBe(expected);
    expect(reported).toEqual([]);
  },
);

test('a pause leaves no listener on its stop signal', async () => {
  const stopping = new AbortController();
  const removed = jest.spyOn(stopping.signal, 'removeEventListener');
  await pause(1, undefined, stopping.signal);
  expect(removed).toHaveBeenCalledTimes(1);
});
