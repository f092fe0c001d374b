import { ConflictKeys } from '../../../host/message/conflict-keys';
import { HandlerCounters } from '../../../host/message/counters';

test('the key with the most conflicts is found among thousands of others', () => {
  const keys = new ConflictKeys();
  for (let n = 0; n < 5_000; n++) {
    keys.note(`k${n}`, 1);
    if (n % 5 === 0) keys.note('hot', 1);
  }
  expect(keys.first!.key).toBe('hot');
  expect(keys.first!.conflicts).toBeGreaterThanOrEqual(1_000);
});

test('without a conflict there is no key', () => {
  expect(new ConflictKeys().first).toBeUndefined();
});

test('conflicts are worth a warning if they are many, and many for the handler’s runs', () => {
  const counters = new HandlerCounters();
  counters.conflicted(99, 'hot');
  expect(counters.conflictKey).toBeUndefined();
  counters.conflicted(1, undefined);
  expect([counters.conflicts, counters.conflictKey]).toEqual([100, { key: 'hot', conflicts: 99 }]);
  for (let n = 0; n < 1_001; n++) counters.durations.observe(0);
  expect(counters.conflictKey).toBeUndefined();
});
