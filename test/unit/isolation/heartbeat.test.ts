import { Heartbeat } from '../../../host/isolation/heartbeat';
import { machineTime } from '../../../host/base/time';

test('a busy process is pinged at each check; without an answer its silence grows', () => {
  const { heartbeat, at, pings } = bench();
  expect([at(1), at(500), at(1_200)]).toEqual([0, 499, 1_199]);
  expect(pings()).toBe(1);
  heartbeat.answered();
  expect([at(1_700), at(1_900)]).toEqual([0, 200]);
  expect(pings()).toBe(2);
});

test('an idle process is pinged every ten seconds', () => {
  const { heartbeat, at, pings } = bench();
  at(20_000, true);
  heartbeat.answered();
  at(29_999, true);
  expect(pings()).toBe(1);
  at(30_000, true);
  expect(pings()).toBe(2);
});

function bench() {
  let nowMs = 0;
  let pings = 0;
  const heartbeat = new Heartbeat({ ...machineTime, nowMs: () => nowMs }, () => pings++);
  const at = (ms: number, isIdle = false): number => {
    nowMs = ms;
    return heartbeat.silentMs(isIdle);
  };
  return { heartbeat, at, pings: () => pings };
}
