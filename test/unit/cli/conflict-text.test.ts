import { conflictText } from '../../../host/cli/conflict-text';

test('a handler whose runs often start again has a line with its key', () => {
  const conflictKey = { key: 'u1', scope: 'badges', conflicts: 900 };
  expect(conflictText({ conflicts: 1_000, conflictKey })).toEqual([
    '1000 runs started again, because another run had changed a value that they had read; most often key u1 of scope badges',
  ]);
  expect(conflictText({ conflicts: 50 })).toEqual([]);
});
