import type { DurableLook } from '../../../host/broker/durable';
import { IdleDurable } from '../../../host/plugin/idle-durable';
import { machineTime } from '../../../host/base/time';

const CHECKPOINT = { created: '', delivered: 3, ackFloor: 2, isComplete: true };
const LOOK: DurableLook = {
  ...{ pending: 1, inFlight: 1, pulls: 0, needs: 'nothing', corrections: [], checkpoint: CHECKPOINT },
  drift: ['priority_policy: pinned_client → none'],
};

/** Looks every 5 s with these states, and returns after how many seconds the durable is idle; undefined if never. */
function idleAfter(states: (seconds: number) => Partial<DurableLook>, isRefused = true): number | undefined {
  const time = { ...machineTime, atMs: 0, nowMs: () => time.atMs };
  const idle = new IdleDurable(time);
  for (let seconds = 0; seconds <= 200; seconds += 5) {
    time.atMs = seconds * 1_000;
    if (idle.look(isRefused, { ...LOOK, ...states(seconds) })) return seconds;
  }
  return undefined;
}

test.each<[what: string, after: number | undefined, states: (seconds: number) => Partial<DurableLook>]>([
  ['no host uses for a minute', 60, () => ({})],
  ['is used for 40 s more', 100, (s) => ({ pulls: s < 40 ? 1 : 0 })],
  ['delivers for 40 s more', 95, (s) => ({ checkpoint: { ...CHECKPOINT, delivered: Math.min(s, 35) } })],
  ['settles now and then', undefined, (s) => ({ checkpoint: { ...CHECKPOINT, ackFloor: Math.floor(s / 30) } })],
  ['another host has the pin of', undefined, () => ({ pin: 'host' })],
  ['no event waits for', 60, () => ({ pending: 0, inFlight: 0 })],
  ['somebody has paused', undefined, () => ({ pausedUntil: new Date(0) })],
  ['has the settings of this host', undefined, () => ({ drift: [] })],
])('a durable that %s counts as idle after %s s', (_what, after, states) => {
  expect(idleAfter(states)).toBe(after);
});

test('a durable that this host can use does not count as idle', () => {
  expect(idleAfter(() => ({}), false)).toBeUndefined();
});
