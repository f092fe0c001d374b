import { TailLines } from '../../../host/cli/tail-lines';
import type { LiveRun } from '../../../host/records/runs/live-runs';

const run = (more: Partial<LiveRun>): LiveRun => ({
  ...{ plugin: 'badge', handler: 'award', version: 'v', stream: 'EVENTS', sequence: 1, storedAtMs: 0 },
  ...{ subject: 'video.watch_started', id: 'e', root: 'e', attempt: 1, about: 'u1' },
  ...{ startedAtMs: 1, ranMs: 2, tookMs: 3, outcome: 'handled', verdict: 'settled', ...more },
});

it('gathers the runs of an event, also of several hosts, into one line', () => {
  const lines = new TailLines();
  lines.add({ host: 'a', left: 0, runs: [run({ emits: [{ id: 'x', subject: 'badge.awarded' }] })] }, 0);
  const error = { name: 'Error', message: 'fetch failed\u001b[31m\nmore' };
  const failed = run({ plugin: 'notification', outcome: 'failed', verdict: 'retried', delayMs: 1_000, error });
  lines.add({ host: 'b', left: 0, runs: [run({ plugin: 'ranking', ranMs: 0.5 }), failed] }, 100);
  expect(lines.take(300)).toEqual([]);
  expect(lines.take(500)).toEqual([
    expect.stringMatching(
      /^video\.watch_started u1 → badge ✔ 2 ms \(badge\.awarded\) · ranking ✔ 0\.50 ms · notification ✖ retry in 1\.0 s: fetch failed/,
    ),
  ]);
  expect(lines.take(500)).toEqual([]);
});

it('keeps control characters of events and errors from the terminal', () => {
  const lines = new TailLines();
  const error = { name: 'E', message: '\u001b[2J' };
  lines.add(
    { host: 'a', left: 0, runs: [run({ about: '\u001b[31m', outcome: 'failed', verdict: 'waits', error })] },
    0,
  );
  expect(lines.take(Infinity).join('')).not.toContain('\u001b');
});

it('says how many runs were left out', () => {
  const lines = new TailLines();
  lines.add({ host: 'a', left: 1_200, runs: [run({})] }, 0);
  lines.add({ host: 'b', left: 34, runs: [] }, 0);
  expect(lines.take(Infinity)).toEqual([expect.stringContaining('→'), '… 1,234 more runs']);
});

it('prints no more lines in a second than its limit, and counts the runs that it left out', () => {
  const lines = new TailLines(2);
  const add = (from: number, count: number): void => {
    const runs = Array.from({ length: count }, (_, i) => run({ sequence: from + i }));
    lines.add({ host: 'a', left: 0, runs }, 0);
  };
  add(1, 5);
  expect(lines.take(500)).toEqual([expect.stringContaining('→'), expect.stringContaining('→'), '… 3 more runs']);
  add(6, 2);
  expect(lines.take(900)).toEqual([]);
  expect(lines.take(1_500)).toEqual(['… 2 more runs']);
  expect(lines.take(2_500)).toEqual([]);
});
