import fc from 'fast-check';
import { SequenceMap } from '../../../host/base/sequence-map';

/** A few sequences that collide, many consecutive ones, and some beyond 32 bits. */
const sequence = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.integer({ min: 0, max: 5 }).map((n) => 7 + n * 64),
  fc.integer({ min: 0, max: 20 }).map((n) => 2 ** 40 + n),
);
const step = fc.record({ sequence, remove: fc.boolean() });

test('it holds the same entries as a Map, in any order of additions and removals', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new SequenceMap<string>();
      const map = new Map<number, string>();
      for (const [i, { sequence, remove }] of steps.entries()) {
        if (remove) {
          table.delete(sequence);
          map.delete(sequence);
        } else {
          table.set(sequence, `${i}`);
          map.set(sequence, `${i}`);
        }
        expect(table.get(sequence)).toBe(map.get(sequence));
        expect(table.size).toBe(map.size);
      }
      for (const { sequence } of steps) expect(table.get(sequence)).toBe(map.get(sequence));
      expect([...table.values()].toSorted()).toEqual([...map.values()].toSorted());
    }),
  );
});

test('after a million entries were added and removed, a few at a time, it holds only the last few', () => {
  const table = new SequenceMap<object>();
  for (let n = 1; n <= 1_000_000; n++) {
    table.set(n, {});
    table.delete(n - 20);
  }
  expect(table.size).toBe(20);
  expect([...table.values()]).toHaveLength(20);
});
