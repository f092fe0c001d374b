import { LateTexts } from '../../../host/effects/late-texts';
import type { StoreTexts } from '../../../host/effects/text-store';
import { MemoryCommitLog } from '../../../host/testing/memory-commit-log';
import { MemoryKeyValue } from '../../support/memory-key-value';
import { openLog, storeOn } from '../../support/plugin-log';

test('the texts are opened at the first use, once for uses at the same time, and their order is kept', async () => {
  let opened = 0;
  const bucket = new MemoryKeyValue();
  const store = storeOn<string>(() => {
    opened++;
    return openLog(new MemoryCommitLog('badge'), bucket);
  }, bucket);
  expect(opened).toBe(0);
  const append =
    (letter: string) =>
    (text = '') =>
      text + letter;
  await Promise.all(['a', 'b', 'c'].map((letter) => store.update('k', append(letter))));
  expect(await store.get('k')).toBe('abc');
  expect(await store.scope('other').keys()).toEqual([]);
  await store.delete('k');
  expect(await store.keys()).toEqual([]);
  expect(opened).toBe(1);
});

test('a failure to open them reaches the caller, and the next use tries again', async () => {
  let attempts = 0;
  const none = { get: () => Promise.resolve(undefined) } as Partial<StoreTexts> as StoreTexts;
  const texts = new LateTexts(() =>
    ++attempts === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve(none),
  );
  await expect(texts.get('k', undefined)).rejects.toThrow('no answer');
  expect(await texts.get('k', undefined)).toBeUndefined();
  expect(attempts).toBe(2);
});
