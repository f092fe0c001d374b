import { Limiter } from '../../../host/base/limiter';

/** Work that runs until the test ends it, and records that it has begun. */
function works(count: number) {
  const begun: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const all = Array.from({ length: count }, (_, n) => () => {
    begun.push(n);
    return new Promise<number>((resolve, reject) => {
      ends[n] = (error) => (error ? reject(error) : resolve(n));
    });
  });
  return { begun, ends, all };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('the limiter runs no more work at a time than its limit, and begins work in the order of arrival', async () => {
  const { begun, ends, all } = works(5);
  const turns = new Limiter(2);
  const results = all.map((work) => turns.take(work));
  await settle();
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await settle();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await settle();
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  ends[3]!();
  ends[4]!();
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3, 4]);
});

test('failed work releases its turn to the next, and work that arrives at an idle limiter begins at once', async () => {
  const { begun, ends, all } = works(3);
  const turns = new Limiter(1);
  const first = turns.take(all[0]!);
  const second = turns.take(all[1]!);
  ends[0]!(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await settle();
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await second;
  const third = turns.take(all[2]!);
  expect(begun).toEqual([0, 1, 2]);
  ends[2]!();
  expect(await third).toBe(2);
});

test('an acquired turn lasts until the caller releases it, and then the next waiter begins', async () => {
  const limiter = new Limiter(1);
  const begun: number[] = [];
  const release = await limiter.acquire();
  const second = limiter.acquire().then((end) => [begun.push(2), end] as const);
  const third = limiter.acquire().then((end) => [begun.push(3), end] as const);
  await settle();
  expect(begun).toEqual([]);
  release();
  await settle();
  expect(begun).toEqual([2]);
  (await second)[1]();
  (await third)[1]();
  expect(begun).toEqual([2, 3]);
});
