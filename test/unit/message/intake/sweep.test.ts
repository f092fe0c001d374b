import type { Intake } from '../../../../host/message/intake/intake';
import { Sweep } from '../../../../host/message/intake/sweep';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

function sweptIntake() {
  const times: number[] = [];
  return { times, intake: { sweep: (nowMs: number) => times.push(nowMs) } as unknown as Intake };
}

test('every registered intake is swept five times a second, with the time of the runs’ clock', () => {
  const sweep = new Sweep();
  const [a, b] = [sweptIntake(), sweptIntake()];
  sweep.add(a.intake);
  sweep.add(b.intake);
  jest.advanceTimersByTime(1_000);
  expect([a.times.length, b.times.length]).toEqual([5, 5]);
  expect(a.times[4]! - a.times[0]!).toBeCloseTo(800);
});

test('one timer serves all intakes, and is cleared when the last is removed', () => {
  const sweep = new Sweep();
  const [a, b] = [sweptIntake(), sweptIntake()];
  sweep.add(a.intake);
  sweep.add(b.intake);
  expect(jest.getTimerCount()).toBe(1);
  sweep.remove(a.intake);
  jest.advanceTimersByTime(200);
  expect([a.times.length, b.times.length]).toEqual([0, 1]);
  sweep.remove(b.intake);
  expect(jest.getTimerCount()).toBe(0);
});
