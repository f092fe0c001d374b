import type { Time } from '../../../host/base/time';
import { EventWaits } from '../../../host/message/event-waits';

test('a wait is counted from the storing, and a step of the clock is noticed within a second', () => {
  let epochMs = 1_000_000;
  let reads = 0;
  const time = { epochMs: () => (reads++, epochMs), nowMs: () => 500 } as Time;
  const waits = new EventWaits();
  waits.started(999_000, 500, time);
  waits.started(999_400, 900, time);
  expect([waits.count, waits.sumS, reads]).toEqual([2, 2, 1]);
  // The clock is set back by ten seconds: the event seems to be stored later than its run started.
  epochMs = 990_000;
  waits.started(999_000, 1_500, time);
  expect([waits.count, waits.sumS, reads]).toEqual([3, 2, 2]);
});
