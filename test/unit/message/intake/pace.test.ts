import { Pace } from '../../../../host/message/intake/pace';
import { VirtualTime } from '../../../../host/testing/virtual-time';

const RATE = { events: 2, perMs: 1_000 };

function setUp(batchSize = 1) {
  const time = new VirtualTime(0);
  const starts: number[] = [];
  const pace = new Pace(RATE, batchSize, time, () => starts.push(time.nowMs()));
  let sequence = 0;
  /** Begins an event and calls the handler with it. */
  const call = (): void => {
    const event = { stream: 'EVENTS', sequence: ++sequence, storedAtMs: 0 };
    pace.began([event]);
    pace.called(event);
  };
  const passTo = (untilMs: number): void => {
    while (time.step(untilMs, true));
  };
  return { pace, starts, call, passTo };
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
  const { pace, starts, call, passTo } = setUp();
  pace.grant(Infinity, false);
  call();
  passTo(300);
  call();
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
  const { pace, call, passTo } = setUp(2);
  pace.grant(Infinity, false);
  call();
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

test('the next event waits for the call of one that has begun, and starts at once if that one ends without a call', () => {
  const { pace, starts, call, passTo } = setUp();
  const event = { stream: 'EVENTS', sequence: 90, storedAtMs: 0 };
  pace.grant(Infinity, false);
  pace.began([event]);
  passTo(5_000);
  call();
  expect(pace.mayBegin(1)).toBe(false);
  pace.ended(event);
  expect([starts, pace.mayBegin(1)]).toEqual([[0, 5_000], true]);
  pace.began([event]);
  pace.called(event);
  pace.called(event);
  pace.ended(event);
  expect(pace.mayBegin(1)).toBe(false);
  passTo(6_000);
  expect(starts).toEqual([0, 5_000, 6_000]);
});
