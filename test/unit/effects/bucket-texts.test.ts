import fc from 'fast-check';
import { KvStore } from '../../../host/effects/bucket-texts';
import { JetplugError } from '../../../sdk/internal';
import { MemoryKeyValue } from '../../support/memory-key-value';

const increment = (n = 0) => n + 1;

test('updates, reads, lists and deletes plain JSON values', async () => {
  const bucket = new MemoryKeyValue();
  const store = new KvStore<{ n: number }>(bucket);
  expect(await store.get('u 1')).toBeUndefined();
  expect(await store.update('u 1', (v = { n: 0 }) => ({ n: v.n + 1 }))).toEqual({ n: 1 });
  expect(await store.get('u 1')).toEqual({ n: 1 });
  expect(bucket.entries.get('u=201')!.value).toBe('{"n":1}');
  expect(await store.keys()).toEqual(['u 1']);
  await store.delete('u 1');
  expect(await store.get('u 1')).toBeUndefined();
  expect(await store.keys()).toEqual([]);
});

test('an update of a deleted key begins without a value', async () => {
  const store = new KvStore<number>(new MemoryKeyValue());
  for (let i = 0; i < 3; i++) await store.update('k', increment);
  await store.delete('k');
  expect(await store.update('k', increment)).toBe(1);
});

test('deleting a missing key is not an error', async () => {
  await new KvStore(new MemoryKeyValue()).delete('never');
});

test('scopes are key spaces of their own', async () => {
  const store = new KvStore<number>(new MemoryKeyValue());
  const [videos, users] = [store.scope<number>('videos'), store.scope<number>('users')];
  await store.update('k', () => 1);
  await videos.update('k', () => 2);
  await users.update('other', () => 3);
  expect([await store.get('k'), await videos.get('k'), await users.get('k')]).toEqual([1, 2, undefined]);
  expect([await store.keys(), await videos.keys(), await users.keys()]).toEqual([['k'], ['k'], ['other']]);
  await videos.delete('k');
  expect(await store.get('k')).toBe(1);
});

test('a scope has no scopes, and a bad name is refused', () => {
  const store = new KvStore<number>(new MemoryKeyValue());
  for (const attempt of [() => store.scope('a').scope('b'), () => store.scope('A')]) {
    expect(attempt).toThrow(expect.objectContaining({ code: 'JP_STORE_KEY_INVALID' }));
  }
});

test('a write after a write needs no read', async () => {
  const bucket = new MemoryKeyValue();
  const store = new KvStore<number>(bucket);
  for (let i = 0; i < 5; i++) await store.update('k', increment);
  expect(bucket.calls).toEqual({ get: 1, put: 5 });
});

test('updates of one key in one host are made in turn, and those that come during a write are written together', async () => {
  const bucket = new MemoryKeyValue(() => new Promise((resolve) => setImmediate(resolve)));
  const store = new KvStore<number>(bucket);
  const results = await Promise.all(Array.from({ length: 20 }, () => store.update('k', increment)));
  expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(bucket.calls).toEqual({ get: 1, put: 2 });
});

test('an update that changes nothing writes nothing', async () => {
  const bucket = new MemoryKeyValue();
  const store = new KvStore<number>(bucket);
  await store.update('k', () => 5);
  expect(await store.update('k', (n) => n!)).toBe(5);
  await store.delete('other');
  expect(bucket.calls.put).toBe(1);
  expect([...bucket.entries.keys()]).toEqual(['k']);
});

test('an update that would change nothing first checks on the server that the remembered value is current', async () => {
  const bucket = new MemoryKeyValue();
  const [mine, theirs] = [new KvStore<string[]>(bucket), new KvStore<string[]>(bucket)];
  const add = (set: string[] = []) => (set.includes('x') ? set : [...set, 'x']);
  await mine.update('k', add);
  await theirs.update('k', () => []);
  expect(await mine.update('k', add)).toEqual(['x']);
  expect(await theirs.get('k')).toEqual(['x']);
});

test('a key that another host created again after this host deleted it can be deleted again', async () => {
  const bucket = new MemoryKeyValue();
  const [mine, theirs] = [new KvStore<number>(bucket), new KvStore<number>(bucket)];
  await mine.update('k', increment);
  await mine.delete('k');
  await theirs.update('k', increment);
  await mine.delete('k');
  expect(await theirs.get('k')).toBeUndefined();
});

test('updates of different keys do not wait for each other', async () => {
  let release!: () => void;
  const gate = new Promise<void>((resolve) => (release = resolve));
  let first = true;
  const store = new KvStore<number>(new MemoryKeyValue(() => (first ? ((first = false), gate) : Promise.resolve())));
  const slow = store.update('slow', increment);
  expect(await store.update('fast', increment)).toBe(1);
  release();
  expect(await slow).toBe(1);
});

test('a value that another host changed meanwhile is read again, and the function runs on the newer value', async () => {
  const bucket = new MemoryKeyValue();
  const [mine, theirs] = [new KvStore<number>(bucket), new KvStore<number>(bucket)];
  await mine.update('k', increment);
  await theirs.update('k', (n = 0) => n + 10);
  const seen: (number | undefined)[] = [];
  expect(await mine.update('k', (n = 0) => (seen.push(n), n + 1))).toBe(12);
  expect(seen).toEqual([1, 11]);
});

test('an update notices a key that another host deleted or created meanwhile', async () => {
  const bucket = new MemoryKeyValue();
  const [mine, theirs] = [new KvStore<number>(bucket), new KvStore<number>(bucket)];
  await mine.update('k', () => 5);
  await theirs.delete('k');
  expect(await mine.update('k', increment)).toBe(1);
});

test('counts of two hosts are exact for every order in which writes reach the server', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ host: fc.nat(1), key: fc.constantFrom('a', 'b'), scoped: fc.boolean() }), { maxLength: 14 }),
      async (s, updates) => {
        const bucket = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
        const hosts = [new KvStore<number>(bucket), new KvStore<number>(bucket)];
        const scopes = hosts.map((host) => host.scope<number>('s'));
        await s.waitFor(
          Promise.all(updates.map(({ host, key, scoped }) => (scoped ? scopes : hosts)[host]!.update(key, increment))),
        );
        for (const key of ['a', 'b']) {
          for (const scoped of [true, false]) {
            const meant = updates.filter((update) => update.key === key && update.scoped === scoped).length;
            expect(bucket.entries.get(scoped ? `s=.${key}` : key)?.value).toBe(meant === 0 ? undefined : String(meant));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('deletes and updates of two hosts are serialised', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ host: fc.nat(1), drop: fc.boolean() }), { minLength: 1, maxLength: 10 }),
      async (s, steps) => {
        const bucket = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
        const hosts = [new KvStore<number>(bucket), new KvStore<number>(bucket)];
        const returned = await s.waitFor(
          Promise.all(
            steps.map(({ host, drop }) => (drop ? hosts[host]!.delete('k') : hosts[host]!.update('k', increment))),
          ),
        );
        const counts = returned.filter((n) => n !== undefined).sort((a, b) => a - b);
        // A count that starts again is a 1: at most one for each delete, and the first.
        expect(counts.filter((n) => n === 1).length).toBeLessThanOrEqual(steps.filter(({ drop }) => drop).length + 1);
        const last = bucket.entries.get('k')?.value;
        if (last !== undefined) expect(counts).toContain(Number(last));
      },
    ),
    { numRuns: 60 },
  );
});

test('update returns the stored value: the value after a round trip through JSON', async () => {
  const store = new KvStore<unknown>(new MemoryKeyValue());
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
  const store = new KvStore<{ list: number[] }>(new MemoryKeyValue());
  const value = { list: [1] };
  const returned = await store.update('k', () => value);
  value.list.push(2);
  returned.list.push(3);
  expect(await store.update('k', (current) => current!)).toEqual({ list: [1] });
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
  const store = new KvStore<unknown>(new MemoryKeyValue());
  await store.update('k', () => 'old');
  const refused = { code: 'JP_STORE_VALUE_INVALID', message: expect.stringMatching(says) as string };
  await expect(store.update('k', change)).rejects.toMatchObject(refused);
  expect(await store.get('k')).toBe('old');
});

test('a function that throws fails its own update only', async () => {
  const store = new KvStore<number>(new MemoryKeyValue());
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

test('a server that does not answer fails the request, and the next update reads the value again', async () => {
  const bucket = new MemoryKeyValue();
  const store = new KvStore<number>(bucket);
  await store.update('k', increment);
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
  const reads = bucket.calls.get;
  expect(await store.update('k', increment)).toBe(2);
  expect(bucket.calls.get).toBe(reads + 1);
});

test('a failed write fails every update that it contains, and later updates are written', async () => {
  const bucket = new MemoryKeyValue(() => new Promise((resolve) => setImmediate(resolve)));
  const store = new KvStore<number>(bucket);
  await store.update('k', increment);
  const first = store.update('k', increment);
  const together = [store.update('k', increment), store.update('k', increment)];
  await first;
  bucket.failNext = new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
  const results = await Promise.allSettled(together);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await store.update('k', increment)).toBe(3);
});

test('every method rejects an invalid key', async () => {
  const store = new KvStore<number>(new MemoryKeyValue());
  for (const attempt of [store.get(''), store.update('', increment), store.delete('')]) {
    await expect(attempt).rejects.toMatchObject({ code: 'JP_STORE_KEY_INVALID' });
  }
});

test('the number of remembered keys is bounded', async () => {
  const bucket = new MemoryKeyValue();
  const store = new KvStore<number>(bucket);
  for (let i = 0; i <= 10_000; i++) await store.update(`k${i}`, increment);
  const reads = bucket.calls.get;
  await store.update('k10000', increment);
  expect(bucket.calls.get).toBe(reads);
  expect(await store.update('k0', increment)).toBe(2);
  expect(bucket.calls.get).toBe(reads + 1);
});

test.each([
  ['{"id":1497549923779084388}', 'JP_NUMBER_INEXACT', '"k 1": id: 1497549923779084388 would be rounded'],
  ['9007199254740993', 'JP_NUMBER_INEXACT', 'the number 9007199254740993 would be rounded'],
  ['[1,[1e400]]', 'JP_NUMBER_INEXACT', '1.0: 1e400 would be too large'],
  ['hello', 'JP_STORE_VALUE_INVALID', 'the store\'s value at "k 1" is not JSON'],
])('a value that another program wrote, %s, is refused, and stays unchanged', async (text, code, says) => {
  const bucket = new MemoryKeyValue();
  await bucket.put('k=201', text);
  const store = new KvStore<unknown>(bucket);
  const refused = expect.objectContaining({ code, message: expect.stringContaining(says) as string });
  await expect(store.get('k 1')).rejects.toEqual(refused);
  await expect(store.update('k 1', () => 1)).rejects.toEqual(refused);
  expect(bucket.entries.get('k=201')!.value).toBe(text);
});

test('digits in a stored string are not checked as a number', async () => {
  const bucket = new MemoryKeyValue();
  await bucket.put('k', '["9007199254740993",0.30000000000000004]');
  expect(await new KvStore(bucket).get('k')).toEqual(['9007199254740993', 0.1 + 0.2]);
});
