import { Reloads, type ReloadOutcome } from '../../../host/plugin/reloads';

test('the last five reloads of a plugin are remembered, and all are counted by their outcome', () => {
  const reloads = new Reloads();
  const outcomes: ReloadOutcome[] = ['loaded', 'swapped', 'swapped', 'failed', 'rolled-back', 'swapped', 'removed'];
  for (const [i, outcome] of outcomes.entries())
    reloads.note('badge', { outcome, time: '2026-05-12T12:00:00.000Z', tookMs: i });
  expect(reloads.of('badge').map(({ tookMs }) => tookMs)).toEqual([2, 3, 4, 5, 6]);
  expect(reloads.of('other')).toEqual([]);
  expect(reloads.counts).toContainEqual({ plugin: 'badge', outcome: 'swapped', count: 3 });
  expect(reloads.counts).toContainEqual({ plugin: 'badge', outcome: 'removed', count: 1 });
});
