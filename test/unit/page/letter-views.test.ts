import { summarise, type DeadLetterSummary } from '../../../host/ops/dead-letter-summary';
import { groupLetters } from '../../../host/page/letters/letter-groups';
import { pageOfLetters } from '../../../host/page/letters/letter-page';
import { storedLetter } from '../../support/stored-letter';

const letter = (id: number, over: Partial<DeadLetterSummary> = {}): DeadLetterSummary => ({
  ...summarise(storedLetter({ id })),
  time: new Date(id * 1_000).toISOString(),
  ...over,
});

test('letters of one fault and handler are a group, the largest first, with their counts over time', () => {
  const all = [
    letter(1),
    letter(2, { fingerprint: 'b' }),
    letter(3, { fingerprint: 'b' }),
    letter(4, { handler: 'x' }),
  ];
  const groups = groupLetters(all, 25_000);
  expect(groups.map(({ count, handler, fingerprint }) => [count, handler, fingerprint])).toEqual([
    [2, 'award', 'b'],
    [1, 'award', all[0]!.fingerprint],
    [1, 'x', all[0]!.fingerprint],
  ]);
  expect(groups[0]!.counts).toEqual([0, 1, 1, ...new Array<number>(21).fill(0)]);
  expect(groups[0]).toMatchObject({ firstAt: all[1]!.time, lastAt: all[2]!.time });
});

test('pages go from the newest letter to the oldest, and stay in place when letters come and go', () => {
  const all = [1, 2, 3, 5, 6].map((id) => letter(id));
  const first = pageOfLetters(all, undefined, 2);
  expect([first.letters.map(({ id }) => id), first.total, first.next]).toEqual([[6, 5], 5, '5']);
  const second = pageOfLetters([...all.filter(({ id }) => id !== 5), letter(7)], Number(first.next), 2);
  expect([second.letters.map(({ id }) => id), second.next]).toEqual([[3, 2], '2']);
  const last = pageOfLetters(all, 2, 2);
  expect([last.letters.map(({ id }) => id), last.next]).toEqual([[1], undefined]);
});
