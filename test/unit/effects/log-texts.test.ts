import fc from 'fast-check';
import { JetplugError } from '../../../sdk/internal';
import { MemoryCommitLog } from '../../../host/testing/memory-commit-log';
import { MemoryKeyValue } from '../../support/memory-key-value';
import { openLog, storeOn } from '../../support/plugin-log';

const increment = (n = 0) => n + 1;

/** A plugin's log and bucket, and the store of each host that opens them. */
async function setUp<T = number>(hosts = 1) {
  const bucket = new MemoryKeyValue();
  const stored = new MemoryCommitLog('badge');
  const open = async () => {
    const log = await openLog(stored, bucket);
    return { log, store: storeOn<T>(() => Promise.resolve(log), bucket) };
  };
  const all = [];
  for (let i = 0; i < hosts; i++) all.push(await open());
  return { bucket, stored, open, hosts: all, store: all[0]!.store, log: all[0]!.log };
}

/** Resolves when the bucket has all values. */
async function filled({ log }: { log: { folded: { unfilled: { size: number } } } }): Promise<void> {
  while (log.folded.unfilled.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('updates, reads, lists and deletes plain JSON values, which the bucket gets soon', async () => {
  const all = await setUp<{ n: number }>();
  const { store, bucket } = all;
  expect(await store.get('u 1')).toBeUndefined();
  expect(await store.update('u 1', (v = { n: 0 }) => ({ n: v.n + 1 }))).toEqual({ n: 1 });
  expect([await store.get('u 1'), await store.keys()]).toEqual([{ n: 1 }, ['u 1']]);
  await filled(all);
  expect(bucket.entries.get('u=201')!.value).toBe('{"n":1}');
  expect(await store.keys()).toEqual(['u 1']);
  await store.delete('u 1');
  expect([await store.get('u 1'), await store.keys()]).toEqual([undefined, []]);
  await filled(all);
  expect(bucket.entries.get('u=201')!.value).toBeUndefined();
});

test('an update of a deleted key begins without a value, and deleting a missing key is not an error', async () => {
  const { store } = await setUp();
  for (let i = 0; i < 3; i++) await store.update('k', increment);
  await store.delete('k');
  await store.delete('k');
  expect(await store.update('k', increment)).toBe(1);
});

test('scopes are key spaces of their own', async () => {
  const { store } = await setUp();
  const [videos, users] = [store.scope<number>('videos'), store.scope<number>('users')];
  await store.update('k', () => 1);
  await videos.update('k', () => 2);
  await users.update('other', () => 3);
  expect([await store.get('k'), await videos.get('k'), await users.get('k')]).toEqual([1, 2, undefined]);
  expect([await store.keys(), await videos.keys(), await users.keys()]).toEqual([['k'], ['k'], ['other']]);
  await videos.delete('k');
  expect(await store.get('k')).toBe(1);
});

test('a scope has no scopes, and a bad name is refused', async () => {
  const { store } = await setUp();
  for (const attempt of [() => store.scope('a').scope('b'), () => store.scope('A')]) {
    expect(attempt).toThrow(expect.objectContaining({ code: 'JP_STORE_KEY_INVALID' }));
  }
});

test('updates outside of a handler that come during an append share the next commit', async () => {
  const { store, stored } = await setUp();
  const results = await Promise.all(Array.from({ length: 20 }, () => store.update('k', increment)));
  expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect((await stored.bounds()).last).toBeLessThan(20);
});

test('an update that changes nothing commits nothing', async () => {
  const { store, stored } = await setUp();
  await store.update('k', () => 5);
  expect(await store.update('k', (n) => n!)).toBe(5);
  await store.delete('other');
  expect((await stored.bounds()).last).toBe(1);
});

test('an update runs on the value that another host has committed, and notices that the other host deleted the key', async () => {
  const { hosts } = await setUp(2);
  const [mine, theirs] = [hosts[0]!.store, hosts[1]!.store];
  await mine.update('k', increment);
  await theirs.update('k', (n = 0) => n + 10);
  expect(await mine.update('k', increment)).toBe(12);
  await theirs.delete('k');
  expect(await mine.update('k', increment)).toBe(1);
});

test('counts of any hosts are exact, however their updates and scopes are mixed, and also in the bucket', async () => {
  const update = fc.record({ host: fc.nat(2), key: fc.constantFrom('a', 'b'), scoped: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(update, { maxLength: 20 }), async (updates) => {
      const all = await setUp(3);
      const scopes = all.hosts.map(({ store }) => store.scope<number>('s'));
      await Promise.all(
        updates.map(({ host, key, scoped }) =>
          (scoped ? scopes[host]! : all.hosts[host]!.store).update(key, increment),
        ),
      );
      const next = await all.open();
      for (const key of ['a', 'b']) {
        for (const scoped of [true, false]) {
          const meant = updates.filter((one) => one.key === key && one.scoped === scoped).length;
          const store = scoped ? next.store.scope<number>('s') : next.store;
          expect(await store.get(key)).toBe(meant === 0 ? undefined : meant);
        }
      }
    }),
    { numRuns: 20 },
  );
});

test('update returns the stored value: the value after a round trip through JSON', async () => {
  const { store } = await setUp<unknown>();
  const cases: [given: unknown, kept: unknown][] = [
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [
      { a: undefined, b: new Date(0), c: [-0] },
      { b: '1970-01-01T00:00:00.000Z', c: [0] },
    ],
    [null, null],
  ];
  for (const [given, kept] of cases) {
    expect(await store.update('k', () => given)).toEqual(kept);
    expect(await store.get('k')).toEqual(kept);
  }
});

test('a value that a caller changes afterwards is not changed in the store', async () => {
  const { store } = await setUp<{ list: number[] }>();
  const value = { list: [1] };
  const returned = await store.update('k', () => value);
  value.list.push(2);
  returned.list.push(3);
  expect(await store.update('k', (current) => current!)).toEqual({ list: [1] });
});

test('a large value in any script survives the log and the bucket', async () => {
  const all = await setUp<string>();
  const text = 'ж"\n\ud83d\ude00'.repeat(60_000);
  await all.store.update('k', () => text);
  await filled(all);
  expect(JSON.parse(all.bucket.entries.get('k')!.value!)).toBe(text);
  expect(await (await all.open()).store.get('k')).toBe(text);
});

const circular: { self?: unknown } = {};
circular.self = circular;

test.each<[string, () => unknown, RegExp]>([
  ['undefined', () => undefined, /returned undefined/],
  ['a function', () => () => 1, /the new value is a function/],
  ['a symbol', () => Symbol('x'), /the new value is a symbol/],
  ['a BigInt', () => 1n, /is a bigint/],
  ['a circle', () => circular, /is an object that contains itself/],
  ['NaN in a field', () => ({ a: [{ b: NaN }] }), /a\.0\.b of the new value is NaN/],
  ['a Map', () => ({ seen: new Map() }), /seen of the new value is a Map/],
  ['a list with a hole in its values', () => [1, undefined], /1 of the new value is undefined in a list/],
  ['a promise', () => Promise.resolve(1), /asynchronous/],
  ['a promise that rejects', () => Promise.reject(new Error('x')), /asynchronous/],
  ['what only has a `then`', () => ({ then: () => undefined }), /asynchronous/],
])('refuses an update that returns %s, and keeps the old value', async (_what, change, says) => {
  const { store } = await setUp<unknown>();
  await store.update('k', () => 'old');
  const refused = { code: 'JP_STORE_VALUE_INVALID', message: expect.stringMatching(says) as string };
  await expect(store.update('k', change)).rejects.toMatchObject(refused);
  expect(await store.get('k')).toBe('old');
});

test('a function that throws fails its own update only', async () => {
  const { store } = await setUp();
  const error = new RangeError('mine');
  const results = await Promise.allSettled([
    store.update('k', increment),
    store.update('k', () => {
      throw error;
    }),
    store.update('k', increment),
  ]);
  expect(results).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 2 },
  ]);
});

test('a bucket that does not answer fails the request, and the next request reads the value again', async () => {
  const { bucket, store } = await setUp();
  const error = new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
  const attempts = [
    () => store.get('k'),
    () => store.update('k', increment),
    () => store.delete('k'),
    () => store.keys(),
  ];
  for (const attempt of attempts) {
    bucket.failNext = error;
    await expect(attempt()).rejects.toBe(error);
  }
  expect(await store.update('k', increment)).toBe(1);
});

test('every method rejects an invalid key', async () => {
  const { store } = await setUp();
  for (const attempt of [store.get(''), store.update('', increment), store.delete('')]) {
    await expect(attempt).rejects.toMatchObject({ code: 'JP_STORE_KEY_INVALID' });
  }
});

test.each([
  ['{"id":1497549923779084388}', 'JP_NUMBER_INEXACT', '"k 1": id: 1497549923779084388 would be rounded'],
  ['9007199254740993', 'JP_NUMBER_INEXACT', 'the number 9007199254740993 would be rounded'],
  ['[1,[1e400]]', 'JP_NUMBER_INEXACT', '1.0: 1e400 would be too large'],
  ['hello', 'JP_STORE_VALUE_INVALID', 'the store\'s value at "k 1" is not JSON'],
])('a value that another program wrote, %s, is refused, and stays unchanged', async (text, code, says) => {
  const { bucket, store } = await setUp<unknown>();
  await bucket.put('k=201', text);
  const refused = expect.objectContaining({ code, message: expect.stringContaining(says) as string });
  await expect(store.get('k 1')).rejects.toEqual(refused);
  await expect(store.update('k 1', () => 1)).rejects.toEqual(refused);
  expect(bucket.entries.get('k=201')!.value).toBe(text);
});

test('digits in a stored string are not checked as a number', async () => {
  const { bucket, store } = await setUp<unknown>();
  await bucket.put('k', '["9007199254740993",0.30000000000000004]');
  expect(await store.get('k')).toEqual(['9007199254740993', 0.1 + 0.2]);
});

test('an update runs on the value that another program wrote to the bucket', async () => {
  const all = await setUp();
  await all.bucket.put('k', '40');
  expect(await all.store.update('k', increment)).toBe(41);
  await filled(all);
  expect(all.bucket.entries.get('k')!.value).toBe('41');
});

test('a value that another program writes over one of the store is taken up, and not overwritten', async () => {
  const all = await setUp();
  await all.store.update('k', () => 1);
  await filled(all);
  await all.bucket.put('k', '40');
  await all.store.update('k', increment).catch(() => undefined);
  await filled(all);
  // The update was committed before the host saw the foreign value, so the later commit that takes it up wins.
  expect(await all.store.get('k')).toBe(40);
  expect(await (await all.open()).store.get('k')).toBe(40);
  expect(all.bucket.entries.get('k')!.value).toBe('40');
});
