import { VirtualTime } from '../../../host/testing/virtual-time';

test('timers fire in the order of their times, and those of one time in the order they were set', () => {
  const time = new VirtualTime(0);
  const fired: string[] = [];
  time.after(20, () => fired.push('late'));
  time.after(10, () => fired.push('first'));
  time.after(10, () => fired.push('second'));
  while (time.step(Infinity, false));
  expect(fired).toEqual(['first', 'second', 'late']);
  expect(time.nowMs()).toBe(20);
});

test('without a timer until then the time moves to the limit', () => {
  const time = new VirtualTime(1_000);
  time.after(100, () => undefined);
  expect(time.step(50, false)).toBe(false);
  expect([time.nowMs(), time.epochMs()]).toEqual([50, 1_050]);
});

test('a cancelled timer does not fire', () => {
  const time = new VirtualTime(0);
  const act = jest.fn();
  time.after(10, act).cancel();
  expect(time.step(100, false)).toBe(false);
  expect(act).not.toHaveBeenCalled();
});

test('periodic timers fire only where they count, and are due at once after they were skipped', () => {
  const time = new VirtualTime(0);
  const act = jest.fn();
  time.every(10, act);
  expect(time.step(35, false)).toBe(false);
  expect(act).not.toHaveBeenCalled();
  expect(time.step(35, true)).toBe(true);
  expect(act).toHaveBeenCalledTimes(1);
  expect(time.step(45, true)).toBe(true);
  expect([act.mock.calls.length, time.nowMs()]).toEqual([2, 45]);
});
