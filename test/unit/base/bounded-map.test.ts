import { BoundedMap } from '../../../host/base/bounded-map';

test('a further entry replaces the one that was set longest ago', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([3, undefined, 4]);
  map.delete('a');
  expect([map.size, map.has('a'), map.has('c')]).toEqual([1, false, true]);
  map.clear();
  expect(map.size).toBe(0);
});
