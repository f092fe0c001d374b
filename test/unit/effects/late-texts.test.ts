import { BucketTexts } from '../../../host/effects/bucket-texts';
import { LateTexts } from '../../../host/effects/late-texts';
import { TextStore } from '../../../host/effects/text-store';
import { MemoryKeyValue } from '../../support/memory-key-value';

test('the texts are opened at the first use, once for uses at the same time, and their order is kept', async () => {
  let opened = 0;
  const texts = new LateTexts(() => {
    opened++;
    return Promise.resolve(new BucketTexts(new MemoryKeyValue()));
  });
  const store = new TextStore<string>(texts);
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
  const texts = new LateTexts(() =>
    ++attempts === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve(new BucketTexts(new MemoryKeyValue())),
  );
  await expect(texts.get('k', undefined)).rejects.toThrow('no answer');
  expect(await texts.get('k', undefined)).toBeUndefined();
  expect(attempts).toBe(2);
});
