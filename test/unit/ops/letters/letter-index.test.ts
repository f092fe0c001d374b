import { LetterIndex } from '../../../../host/ops/letters/letter-index';
import type { StoredLetter } from '../../../../host/broker/stored-letter';
import { VirtualTime } from '../../../../host/testing/virtual-time';
import { storedLetter } from '../../../support/stored-letter';

/** A stream of letters in memory, which counts what is read. */
class Letters {
  letters: StoredLetter[] = [];
  created = 'first';
  lastId = 0;
  readonly read: number[] = [];

  add(count: number): void {
    for (let n = 0; n < count; n++) this.letters.push(storedLetter({ id: ++this.lastId }));
  }
  remove(id: number): void {
    this.letters = this.letters.filter((letter) => letter.id !== id);
  }
  state = async () => {
    const firstId = this.letters[0]?.id ?? this.lastId + 1;
    return { created: this.created, count: this.letters.length, firstId, lastId: this.lastId };
  };
  removedIds = async () => {
    const present = new Set(this.letters.map(({ id }) => id));
    return new Set(Array.from({ length: this.lastId }, (_, i) => i + 1).filter((id) => !present.has(id)));
  };
  list = async function* (this: Letters, { after = 0 } = {}) {
    for (const letter of this.letters.filter(({ id }) => id > after)) {
      this.read.push(letter.id);
      yield letter;
    }
  }.bind(this);
}

let stream: Letters;
let time: VirtualTime;
let index: LetterIndex;
beforeEach(() => {
  stream = new Letters();
  time = new VirtualTime(0);
  index = new LetterIndex(stream, { time, maxLetters: 5 });
});
afterEach(() => index.close());

async function ids(): Promise<number[]> {
  time.step(time.nowMs() + 1_000, false);
  return (await index.read()).letters.map(({ id }) => id);
}

test('a later read takes only the new letters', async () => {
  stream.add(2);
  expect(await ids()).toEqual([1, 2]);
  stream.add(1);
  expect(await ids()).toEqual([1, 2, 3]);
  expect(stream.read).toEqual([1, 2, 3]);
});

test('removed letters are left out: in the middle, at the beginning, and replaced by new ones', async () => {
  stream.add(4);
  await ids();
  stream.remove(2);
  expect(await ids()).toEqual([1, 3, 4]);
  stream.remove(1);
  stream.add(1);
  expect(await ids()).toEqual([3, 4, 5]);
});

test('reads at the same time, and shortly after, share one request', async () => {
  stream.add(1);
  const state = jest.spyOn(stream, 'state');
  await Promise.all([index.read(), index.read()]);
  await index.read();
  expect(state).toHaveBeenCalledTimes(1);
  index.expire();
  await index.read();
  expect(state).toHaveBeenCalledTimes(2);
});

test('of more letters than there is room for, the newest are kept, and the others are counted', async () => {
  stream.add(7);
  expect(await ids()).toEqual([3, 4, 5, 6, 7]);
  expect((await index.read()).left).toBe(2);
  stream.remove(5);
  expect(await ids()).toEqual([3, 4, 6, 7]);
});

test('letters of a stream that was created again replace those of the old one', async () => {
  stream.add(3);
  await ids();
  stream.letters = [];
  Object.assign(stream, { lastId: 0, created: 'second' });
  stream.add(4);
  expect(await ids()).toEqual([1, 2, 3, 4]);
});

test('the letters are dropped when nobody has read them for five minutes', async () => {
  stream.add(1);
  await ids();
  time.step(time.nowMs() + 6 * 60_000, false);
  await ids();
  expect(stream.read).toEqual([1, 1]);
});

test('a read that fails is repeated by the next one', async () => {
  stream.add(1);
  jest.spyOn(stream, 'state').mockRejectedValueOnce(new Error('away'));
  await expect(index.read()).rejects.toThrow('away');
  expect(await ids()).toEqual([1]);
});
