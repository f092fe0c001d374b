import fc from 'fast-check';
import { KeyWriters, type Change } from '../../../host/records/key-writers';
import { MemoryKeyValue } from '../../support/memory-key-value';

const increment: Change = (text) => String(Number(text ?? 0) + 1);

function twoHosts() {
  const bucket = new MemoryKeyValue();
  return { bucket, a: new KeyWriters(bucket), b: new KeyWriters(bucket) };
}

test('changes of one key are applied in order, and those that arrive during a write share the next one', async () => {
  const bucket = new MemoryKeyValue(() => new Promise((resolve) => setImmediate(resolve)));
  const writers = new KeyWriters(bucket);
  const texts = await Promise.all(Array.from({ length: 20 }, () => writers.write('k', increment)));
  expect(texts).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)));
  expect(bucket.calls).toEqual({ get: 1, put: 2 });
});

test('a write after a write needs no read', async () => {
  const { bucket, a } = twoHosts();
  for (let i = 0; i < 5; i++) await a.write('k', increment);
  expect(bucket.calls).toEqual({ get: 1, put: 5 });
});

test('a change that changes nothing writes nothing, and first checks that the remembered text is current', async () => {
  const { bucket, a, b } = twoHosts();
  const atLeastFive: Change = (text) => (Number(text ?? 0) < 5 ? '5' : text);
  await a.write('k', atLeastFive);
  expect(await a.write('k', atLeastFive)).toBe('5');
  expect(bucket.calls.put).toBe(1);
  await b.write('k', () => '2');
  expect(await a.write('k', atLeastFive)).toBe('5');
  expect(bucket.entries.get('k')!.value).toBe('5');
});

test('a text that another host has changed is read again, and the change runs on the newer text', async () => {
  const { a, b } = twoHosts();
  await a.write('k', increment);
  await b.write('k', () => '10');
  expect(await a.write('k', increment)).toBe('11');
  await b.write('k', () => undefined);
  expect(await a.write('k', increment)).toBe('1');
});

test('a purged key starts without a text', async () => {
  const { a } = twoHosts();
  await a.write('k', increment);
  await a.purge('k');
  expect(await a.write('k', increment)).toBe('1');
});

test('a text that was read before its bucket was recreated is discarded, though the revision is the same', async () => {
  const { bucket, a, b } = twoHosts();
  expect(await a.write('k', increment)).toBe('1');
  bucket.renew();
  // b is the first to write to the new bucket, so its revision is the one that a remembers.
  expect(await b.write('k', () => '40')).toBe('40');
  expect(await a.write('k', increment)).toBe('41');
});

test('a failed write fails every change in it, and the next change reads the text again', async () => {
  const bucket = new MemoryKeyValue(() => new Promise((resolve) => setImmediate(resolve)));
  const writers = new KeyWriters(bucket);
  const first = writers.write('k', increment);
  const together = Promise.allSettled([writers.write('k', increment), writers.write('k', increment)]);
  await first;
  bucket.failNext = new Error('no answer');
  expect((await together).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const reads = bucket.calls.get;
  expect(await writers.write('k', increment)).toBe('2');
  expect(bucket.calls.get).toBe(reads + 1);
});

test('a change that throws fails its write, and later changes are written', async () => {
  const { a } = twoHosts();
  const failing = a.write('k', () => {
    throw new RangeError('mine');
  });
  await expect(failing).rejects.toThrow('mine');
  expect(await a.write('k', increment)).toBe('1');
});

test('the number of remembered keys is bounded', async () => {
  const { bucket, a } = twoHosts();
  for (let i = 0; i <= 10_000; i++) await a.write(`k${i}`, increment);
  const reads = bucket.calls.get;
  await a.write('k10000', increment);
  expect(bucket.calls.get).toBe(reads);
  expect(await a.write('k0', increment)).toBe('2');
  expect(bucket.calls.get).toBe(reads + 1);
});

test('counts of two hosts are exact for every order in which writes reach the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(fc.nat(1), { maxLength: 14 }), async (s, given) => {
      const bucket = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
      const hosts = [new KeyWriters(bucket), new KeyWriters(bucket)];
      await s.waitFor(Promise.all(given.map((host) => hosts[host]!.write('k', increment))));
      expect(bucket.entries.get('k')?.value).toBe(given.length === 0 ? undefined : String(given.length));
    }),
    { numRuns: 60 },
  );
});
