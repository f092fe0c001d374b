import { PluginStore } from '../../../host/plugin/plugin-store';
import { MemoryKeyValue } from '../../support/memory-key-value';

/** A plugin's store on a server with one bucket. The test decides when the bucket is opened. */
function bench() {
  const left: string[] = [];
  const bucket = new MemoryKeyValue();
  let opened!: () => void;
  let refused!: (error: Error) => void;
  const openStore = (plugin: string) =>
    new Promise<{ bucket: MemoryKeyValue; leave: () => void }>((resolve, reject) => {
      opened = () => resolve({ bucket, leave: () => void left.push(plugin) });
      refused = reject;
    });
  const store = new PluginStore('badge', { broker: { openStore } as never });
  return { store, bucket, left, opened: () => opened(), refused: (error: Error) => refused(error) };
}

test('the texts of an open store are those of the plugin’s bucket', async () => {
  const { store, bucket, opened } = bench();
  await bucket.put('k', '"stored"');
  const opening = store.openTexts();
  opened();
  const texts = await opening;
  expect(await texts.get('k', undefined)).toBe('"stored"');
});

test('a store that is released leaves its bucket, once', async () => {
  const { store, left, opened } = bench();
  const opening = store.openTexts();
  opened();
  await opening;
  expect(left).toEqual([]);
  store.release();
  store.release();
  expect(left).toEqual(['badge']);
});

test('a store that is released while it is opened leaves its bucket as soon as it is open', async () => {
  const { store, left, opened } = bench();
  const opening = store.openTexts();
  store.release();
  expect(left).toEqual([]);
  opened();
  await opening;
  expect(left).toEqual(['badge']);
});

test('a bucket that cannot be opened rejects, may be opened again, and leaves nothing to release', async () => {
  const { store, left, opened, refused } = bench();
  const failing = store.openTexts();
  refused(new Error('no quorum'));
  await expect(failing).rejects.toThrow('no quorum');
  store.release();
  expect(left).toEqual([]);
  const opening = store.openTexts();
  opened();
  await opening;
  expect(left).toEqual(['badge']);
});

test('a store that was never opened has nothing to release', () => {
  const { store, left } = bench();
  store.release();
  expect(left).toEqual([]);
});
