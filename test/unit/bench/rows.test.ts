import type { Figure, Subject } from '../../../bench/core/case';
import { median, rowsOf } from '../../../bench/core/rows';

test('a ratio is the median of the ratios within each round', () => {
  // The machine is twice as fast in the second round, and four times in the third.
  const rounds = [
    round({ documented: 10, best: 40, jetplug: 30 }),
    round({ documented: 20, best: 80, jetplug: 80 }),
    round({ documented: 40, best: 160, jetplug: 80 }),
  ];
  expect(rowsOf(rounds)).toEqual([
    expect.objectContaining({ subject: 'documented', ratioToBest: 0.25, ratioToDocumented: 1 }),
    expect.objectContaining({ subject: 'best', median: 80, min: 40, max: 160, ratioToBest: 1, ratioToDocumented: 4 }),
    { case: 'a', subject: 'jetplug', unit: 'u', median: 80, min: 30, max: 80, ratioToBest: 0.75, ratioToDocumented: 3 },
  ]);
});

test('rows are ordered by case, then by subject, for any order in the rounds', () => {
  const figures = [...round({ jetplug: 1, best: 1, documented: 1 }, 'a'), ...round({ best: 2, documented: 2 }, 'b')];
  const rows = rowsOf([figures, [...figures].reverse()]);
  expect(rows.map((row) => `${row.case} ${row.subject}`)).toEqual([
    'a documented',
    'a best',
    'a jetplug',
    'b documented',
    'b best',
  ]);
});

test('a subject that was not measured in every round has no row', () => {
  const whole = round({ documented: 1, best: 1, jetplug: 1 });
  const rows = rowsOf([whole, whole.filter(({ subject }) => subject !== 'jetplug')]);
  expect(rows.map(({ subject }) => subject)).toEqual(['documented', 'best']);
});

test('a ratio to 0 is still a number', () => {
  const rows = rowsOf([round({ documented: 0, best: 0, jetplug: 1 })]);
  expect(rows.every(({ ratioToBest }) => Number.isFinite(ratioToBest))).toBe(true);
});

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
});

function round(values: Partial<Record<Subject, number>>, name = 'a'): Figure[] {
  return Object.entries(values).map(([subject, value]) => ({
    case: name,
    subject: subject as Subject,
    unit: 'u',
    value,
  }));
}
