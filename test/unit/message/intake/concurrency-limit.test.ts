import { Limiter } from '../../../../host/base/limiter';
import { ConcurrencyLimit } from '../../../../host/message/intake/concurrency-limit';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('has as many permits as the concurrency, and a permit that is freed can be taken again', () => {
  const permits = new ConcurrencyLimit(2, new Limiter(1), () => undefined);
  const first = permits.take();
  expect(permits.isFree).toBe(true);
  permits.take();
  expect(permits).toMatchObject({ isFree: false, running: 2 });
  permits.free(first);
  expect(permits).toMatchObject({ isFree: true, running: 1 });
});

test('an event that runs alone waits for the others, and no permit is free until it ends', async () => {
  const freed = jest.fn();
  const permits = new ConcurrencyLimit(3, new Limiter(1), freed);
  const other = permits.take();
  permits.take();
  const alone = permits.alone();
  await turn();
  permits.free(other);
  const end = await alone;
  expect(permits.isFree).toBe(false);
  end!();
  end!();
  expect(permits.isFree).toBe(true);
  expect(freed).toHaveBeenCalledTimes(1);
});

test('a stop ends the waits to run alone, and a turn that is granted later goes to the next handler', async () => {
  const suspects = new Limiter(1);
  const release = await suspects.acquire();
  const permits = new ConcurrencyLimit(1, suspects, () => undefined);
  permits.take();
  const alone = permits.alone();
  permits.stop();
  expect(await alone).toBeUndefined();
  release();
  await turn();
  await suspects.acquire();
});

test('is idle when every permit is free', async () => {
  const permits = new ConcurrencyLimit(2, new Limiter(1), () => undefined);
  const runs = [permits.take(), permits.take()];
  permits.stop();
  let idle = false;
  const waits = permits.idle().then(() => (idle = true));
  permits.free(runs[0]!);
  await turn();
  expect(idle).toBe(false);
  permits.free(runs[1]!);
  await waits;
  await permits.idle();
});

test('a new concurrency applies at once, and the change resolves when the earlier runs have ended', async () => {
  const permits = new ConcurrencyLimit(1, new Limiter(1), () => undefined);
  const before = permits.take();
  let ended = false;
  const renewed = permits.renew(2).then(() => (ended = true));
  const after = permits.take();
  permits.free(after);
  await turn();
  expect([permits.isFree, ended]).toEqual([true, false]);
  permits.free(before);
  await renewed;
});

test('calls that must start again at the same time start one after the other, before other events', async () => {
  const freed = jest.fn();
  const permits = new ConcurrencyLimit(2, new Limiter(1), freed);
  const started: number[] = [];
  const runs = [1, 2, 3, 4, 5].map((n) => ({ n, permit: permits.take() }));
  runs.forEach(() => permits.beginCommit());
  for (const { n } of runs) {
    permits.endCommit();
    void Promise.resolve(permits.whenFree()).then(() => started.push(n));
  }
  await turn();
  expect([started, permits.isFree]).toEqual([[1, 2], false]);
  permits.beginCommit();
  await turn();
  expect([started, permits.isFree]).toEqual([[1, 2, 3], false]);
  permits.endCommit();
  for (const { permit } of runs.slice(0, 3)) permits.free(permit);
  await turn();
  expect(started).toEqual([1, 2, 3, 4, 5]);
});
