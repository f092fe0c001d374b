import { LiveRuns, type LiveMessage, type WatchedRun } from '../../../host/records/runs/live-runs';
import { VirtualTime } from '../../../host/testing/virtual-time';

const run = (more: Partial<WatchedRun> = {}): WatchedRun => ({
  ...{ plugin: 'badge', handler: 'award', subject: 'video.watched', isHandled: true, event: { user: 'u1', n: 7 } },
  ...more,
});

function setUp() {
  const time = new VirtualTime(0);
  const live = new LiveRuns({ host: 'h', time });
  const sent: LiveMessage[] = [];
  let made = 0;
  const add = (more?: Partial<WatchedRun>) => {
    const watched = run(more);
    live.add(watched, () => JSON.stringify({ id: String(made++), plugin: watched.plugin }));
  };
  const pass = (ms: number) => {
    const until = time.nowMs() + ms;
    while (time.step(until, true));
  };
  return {
    live,
    sent,
    add,
    pass,
    made: () => made,
    send: (message: string) => void sent.push(JSON.parse(message) as LiveMessage),
  };
}

it('sends the runs of a short time together, to those who watch', () => {
  const { live, sent, add, pass, send } = setUp();
  expect(live.isWatched).toBe(false);
  live.watch('a', {}, send);
  add();
  add();
  pass(150);
  expect(sent.map(({ host, runs, left }) => [host, runs.length, left])).toEqual([['h', 2, 0]]);
});

it('makes no more records than are sent, counts the others, and keeps room for failed runs', () => {
  const { live, sent, add, pass, made, send } = setUp();
  live.watch('a', {}, send);
  for (let i = 0; i < 1_000; i++) add();
  for (let i = 0; i < 10; i++) add({ isHandled: false });
  expect(made()).toBe(30);
  pass(150);
  expect(sent.map(({ runs, left }) => [runs.length, left])).toEqual([[30, 980]]);
});

it('leaves out and counts the runs that do not fit into one message', () => {
  const { live, sent, add, pass, made, send } = setUp();
  live.watch('a', {}, send);
  for (let i = 0; i < 10; i++) add({ plugin: 'x'.repeat(150_000) });
  pass(150);
  expect(made()).toBe(4);
  expect(sent.map(({ runs, left }) => [runs.length, left])).toEqual([[3, 7]]);
  add();
  pass(150);
  expect(sent.map(({ runs, left }) => [runs.length, left])).toEqual([
    [3, 7],
    [1, 0],
  ]);
});

it.each([
  [{ plugin: 'badge' }, 2],
  [{ plugin: 'badge', handler: 'award' }, 1],
  [{ subject: 'video.>' }, 2],
  [{ handled: false }, 1],
  [{ fields: [{ path: ['user'], value: 'u2' }] }, 1],
  [{ fields: [{ path: ['n'], value: '7' }] }, 2],
  [{ fields: [{ path: ['constructor'], value: 'x' }] }, 0],
])('sends only the runs that pass the filter %j', (filter, expected) => {
  const { live, sent, add, pass, send } = setUp();
  live.watch('a', filter, send);
  add();
  add({ handler: 'other', isHandled: false });
  add({ plugin: 'ranking', subject: 'user.added', event: { user: 'u2' } });
  pass(150);
  expect(sent.reduce((sum, { runs }) => sum + runs.length, 0)).toBe(expected);
});

it('ends a watch that is not asked for again, and then does nothing more', () => {
  const { live, sent, add, pass, made, send } = setUp();
  live.watch('a', {}, send);
  pass(4_000);
  live.watch('a', {}, send);
  pass(4_000);
  expect(live.isWatched).toBe(true);
  pass(4_000);
  expect(live.isWatched).toBe(false);
  add();
  pass(1_000);
  expect([made(), sent]).toEqual([0, []]);
});

it('refuses more watches than it can serve', () => {
  const { live, send } = setUp();
  const accepted = Array.from({ length: 25 }, (_, i) => live.watch(String(i), {}, send)).filter(Boolean);
  expect(accepted).toHaveLength(20);
});
