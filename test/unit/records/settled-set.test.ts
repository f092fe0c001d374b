import fc from 'fast-check';
import { SettledSet } from '../../../host/records/settled-set';

const addition = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 8 }));

test('it has exactly the added sequences, in the fewest ranges', () => {
  fc.assert(
    fc.property(fc.array(addition), (additions) => {
      const set = new SettledSet();
      const reference = new Set<number>();
      for (const [from, length] of additions) {
        set.add(from, from + length);
        for (let sequence = from; sequence <= from + length; sequence++) reference.add(sequence);
      }
      let runs = 0;
      for (let sequence = 1; sequence <= 70; sequence++) {
        expect(set.has(sequence)).toBe(reference.has(sequence));
        if (reference.has(sequence) && !reference.has(sequence - 1)) runs++;
      }
      expect(set.size).toBe(runs);
      expect(set.last).toBe(Math.max(0, ...reference));
      expect(new SettledSet(JSON.parse(JSON.stringify(set)) as [number, number][])).toEqual(set);
    }),
  );
});

test('merging in either direction gives the union', () => {
  fc.assert(
    fc.property(fc.array(addition), fc.array(addition), (one, other) => {
      const make = (additions: [number, number][]): SettledSet => {
        const set = new SettledSet();
        for (const [from, length] of additions) set.add(from, from + length);
        return set;
      };
      const [ab, ba] = [make(one), make(other)];
      ab.merge(make(other));
      ba.merge(make(one));
      expect(ab).toEqual(ba);
      expect(ab).toEqual(make([...one, ...other]));
    }),
  );
});

test('takeUpTo removes the ranges that end at or before a sequence, and keeps the others', () => {
  fc.assert(
    fc.property(fc.array(addition), fc.nat(70), (additions, upTo) => {
      const [set, whole] = [new SettledSet(), new SettledSet()];
      for (const [from, length] of additions) for (const each of [set, whole]) each.add(from, from + length);
      const taken = set.takeUpTo(upTo);
      expect(taken.last).toBeLessThanOrEqual(upTo);
      for (const [, to] of set.toJSON()) expect(to).toBeGreaterThan(upTo);
      expect(taken.size + set.size).toBe(whole.size);
      set.merge(taken);
      expect(set).toEqual(whole);
    }),
  );
});

test('adding in order keeps one range', () => {
  const set = new SettledSet();
  for (let sequence = 1; sequence <= 1_000; sequence++) set.add(sequence);
  expect(set.size).toBe(1);
  expect(set.floor).toBe(1_000);
});
