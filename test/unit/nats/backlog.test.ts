import { Backlog } from '../../../host/nats/backlog';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const at = (ms: number): number => performance.now() + ms;

/** The result of each wait, in the order in which they ended. */
function waits(backlog: Backlog, ...lengthsMs: number[]): [number, boolean][] {
  const ended: [number, boolean][] = [];
  for (const ms of lengthsMs) void backlog.wait(at(ms)).then((isBack) => ended.push([ms, isBack]));
  return ended;
}

test('all waits end when the connection is back, and no timer is left', async () => {
  const backlog = new Backlog(10);
  const ended = waits(backlog, 1_000, 2_000);
  backlog.release(true);
  await jest.advanceTimersByTimeAsync(0);
  expect(ended).toEqual([
    [1_000, true],
    [2_000, true],
  ]);
  expect(jest.getTimerCount()).toBe(0);
});

test('each wait has its own time limit, in any order', async () => {
  const backlog = new Backlog(10);
  const ended = waits(backlog, 3_000, 1_000, 2_000);
  expect(jest.getTimerCount()).toBe(1);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(ended).toEqual([[1_000, false]]);
  await jest.advanceTimersByTimeAsync(1_999);
  expect(ended).toHaveLength(2);
  await jest.advanceTimersByTimeAsync(1);
  expect(ended).toEqual([
    [1_000, false],
    [2_000, false],
    [3_000, false],
  ]);
  expect(jest.getTimerCount()).toBe(0);
});

test('a time limit in the past ends the wait at once', async () => {
  const ended = waits(new Backlog(10), -5);
  await jest.advanceTimersByTimeAsync(0);
  expect(ended).toEqual([[-5, false]]);
});

test('the backlog is full at its limit, and has room when a wait has ended', async () => {
  const backlog = new Backlog(2);
  waits(backlog, 1_000);
  expect(backlog.isFull).toBe(false);
  waits(backlog, 2_000);
  expect(backlog.isFull).toBe(true);
  await jest.advanceTimersByTimeAsync(1_000);
  expect(backlog.isFull).toBe(false);
  backlog.release(false);
});
