import { countFitting } from '../../../host/base/count-fitting';

const count = (items: readonly number[], maxSize: number) => countFitting(items, maxSize, (size) => size);

it('counts the items whose sizes fit together', () => {
  expect(count([3, 4, 5], 7)).toBe(2);
  expect(count([3, 4, 5], 12)).toBe(3);
});

it('counts one item, even if it is too large by itself', () => {
  expect(count([9, 1], 7)).toBe(1);
  expect(count([9, 1], 0)).toBe(1);
});

it('counts nothing in an empty list', () => {
  expect(count([], 7)).toBe(0);
});
