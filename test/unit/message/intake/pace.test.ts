import { Pace } from '../../../../host/message/intake/pace';
import { VirtualTime } from '../../../../host/testing/virtual-time';

const RATE = { events: 2, perMs: 1_000 };

function setUp(batchSize = 1) {
  const time = new VirtualTime(0);
  const starts: number[] = [];
  const pace = new Pace(RATE, batchSize, time, () => starts.push(time.nowMs()));
  const passTo = (untilMs: number): void => {
    while (time.step(untilMs, true));
  };
  return { pace, starts, passTo };
}

test('nothing begins before the host may run the handler, and after its time is up', () => {
  const { pace, starts, passTo } = setUp();
  expect([pace.isGranted, pace.mayBegin(1)]).toEqual([false, false]);
  pace.grant(500, false);
  expect(starts).toEqual([0]);
  expect(pace.mayBegin(1)).toBe(true);
  passTo(500);
  expect([pace.isGranted, pace.mayBegin(1)]).toEqual([false, false]);
  pace.grant(900, false);
  pace.revoke();
  expect(pace.mayBegin(1)).toBe(false);
});

test('calls start when an event may begin that had to wait, once', () => {
  const { pace, starts, passTo } = setUp();
  pace.grant(Infinity, false);
  pace.began(1);
  passTo(300);
  pace.began(1);
  expect([pace.mayBegin(1), pace.mayBegin(5)]).toEqual([false, false]);
  passTo(5_000);
  expect(starts).toEqual([0, 1_000]);
});

test('a host that takes over begins nothing for one span; a host whose right is renewed continues', () => {
  const { pace, passTo } = setUp();
  pace.grant(Infinity, true);
  passTo(999);
  expect(pace.mayBegin(1)).toBe(false);
  passTo(1_000);
  pace.grant(Infinity, false);
  expect(pace.mayBegin(1)).toBe(true);
});

test('a batch waits until all of its events may begin', () => {
  const { pace, passTo } = setUp(2);
  pace.grant(Infinity, false);
  pace.began(1);
  expect([pace.mayBegin(0), pace.mayBegin(1), pace.mayBegin(2), pace.mayBegin(9)]).toEqual([true, true, false, false]);
  passTo(1_000);
  expect(pace.mayBegin(9)).toBe(true);
});

test('a new rate begins with a full window, and the same rate changes nothing', () => {
  const { pace, passTo } = setUp();
  pace.grant(Infinity, false);
  pace.renew({ ...RATE });
  expect(pace.mayBegin(1)).toBe(true);
  pace.renew({ events: 2, perMs: 2_000 });
  passTo(1_999);
  expect(pace.mayBegin(1)).toBe(false);
  passTo(2_000);
  expect(pace.mayBegin(1)).toBe(true);
});
