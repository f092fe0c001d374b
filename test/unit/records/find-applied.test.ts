import { findApplied } from '../../../host/records/find-applied';
import { KvLongTexts } from '../../../host/records/long-texts';
import { KeyWriters } from '../../../host/records/key-writers';
import { Settlements } from '../../../host/records/settlements';
import { MemoryKeyValue } from '../../support/memory-key-value';

const CREATED = '2026-05-12T12:00:00.000Z';

async function setUp() {
  const [bucket, records] = [new MemoryKeyValue(), new MemoryKeyValue()];
  const texts = new KvLongTexts(records, (message) => {
    throw new Error(message);
  });
  const settlements = await Settlements.open({
    records,
    durable: 'badge-award',
    stream: 'EVENTS',
    streamCreated: CREATED,
    hasWildcards: false,
    checkpoint: () => Promise.resolve(undefined),
    failed: (error) => {
      throw error;
    },
  });
  const writers = new KeyWriters(bucket);
  const write = (key: string, sequence: number, text: string, ordinal = 0) =>
    writers.write(key, () => text, { settlements, texts, sequence, ordinal });
  return { bucket, texts, settlements, write };
}

test('finds every update of a message by its marks, with each result, and none of another message', async () => {
  const { bucket, texts, settlements, write } = await setUp();
  await write('a', 7, '1');
  await write('a', 8, '2');
  await write('a', 7, '3', 1);
  await write('b', 7, '"b"');
  await write('c', 77, '4');
  expect(new Set(await findApplied(bucket, texts, settlements, 7))).toEqual(
    new Set([
      ['a', 0, '1'],
      ['a', 1, '3'],
      ['b', 0, '"b"'],
    ]),
  );
  expect(await findApplied(bucket, texts, settlements, 9)).toEqual([]);
  expect(await findApplied(bucket, texts, { durable: 'badge-award', streamIncarnation: 'later' }, 7)).toEqual([]);
});

test('finds results that are too long to be kept beside the value', async () => {
  const { bucket, texts, settlements, write } = await setUp();
  const long = (letter: string) => JSON.stringify(letter.repeat(40_000));
  await write('a', 7, long('x'));
  await write('a', 8, long('y'));
  await write('a', 9, long('z'));
  expect(await findApplied(bucket, texts, settlements, 7)).toEqual([['a', 0, long('x')]]);
  expect(await findApplied(bucket, texts, settlements, 9)).toEqual([['a', 0, long('z')]]);
});
