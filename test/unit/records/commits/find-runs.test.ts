import { encodeCommit, type Commit, type RunChanges } from '../../../../host/records/commits/commit';
import { findRuns, type CommittedRun } from '../../../../host/records/commits/find-runs';
import { MemoryCommitLog } from '../../../../host/testing/memory-commit-log';

const CREATED = '2026-05-12T12:00:00Z';
const RETRY_CREATED = '2026-05-12T12:30:00Z';

const run = (sequence: number, changes: Partial<RunChanges> = {}): RunChanges => ({
  origin: { handler: 'award', version: 'v1', attempt: 1, stream: 'EVENTS', sequence, timeMs: 5 },
  event: { durable: 'badge-award', incarnation: CREATED, sequence },
  writes: new Map(),
  emits: [],
  ...changes,
});
const commit = (...runs: RunChanges[]): Omit<Commit, 'number'> => ({ host: 'h1', runs, sent: [], adopted: new Map() });

/** Appends one commit each ms, and searches for the event 12. */
async function search(
  commits: readonly Omit<Commit, 'number'>[],
  sinceMs = 0,
  limit = Infinity,
): Promise<CommittedRun[]> {
  let nowMs = 0;
  const log = new MemoryCommitLog('badge', { nowMs: () => ++nowMs });
  for (const [i, each] of commits.entries()) await log.append(encodeCommit({ ...each, number: i + 1 }), i);
  const found: CommittedRun[] = [];
  await findRuns(log, {
    stream: 'EVENTS',
    sequence: 12,
    sinceMs,
    incarnations: new Set([CREATED, RETRY_CREATED]),
    found: (one) => found.push(one) >= limit,
    progress: () => undefined,
  });
  return found;
}

test('finds the runs of one event, with those of the retry queue, in the order of the log', async () => {
  const retried = run(12, { event: { durable: 'badge--award', incarnation: RETRY_CREATED, sequence: 3 } });
  const left = run(12, { left: { to: 'retry-queue', dueAtMs: 9 } });
  const found = await search([commit(run(1), left), commit(run(120), run(2)), commit(retried)]);
  expect(found.map(({ position, host, run: { left: to } }) => [position, host, to?.to])).toEqual([
    [1, 'h1', 'retry-queue'],
    [3, 'h1', undefined],
  ]);
});

test('leaves out runs of a lost stream, of other streams, and changes from outside of a run', async () => {
  const { event: _none, ...outside } = run(12);
  const lost = run(12, { event: { durable: 'badge-award', incarnation: '2025-01-01T00:00:00Z', sequence: 12 } });
  const other = run(12, { origin: { handler: 'award', stream: 'OTHER', sequence: 12, timeMs: 5 } });
  expect(await search([commit(lost, other, outside)])).toEqual([]);
});

test('begins at the time of the event, and ends when the caller has all', async () => {
  const commits = [commit(run(12)), commit(run(12)), commit(run(12))];
  expect((await search(commits, 2)).map(({ position }) => position)).toEqual([2, 3]);
  expect((await search(commits, 0, 1)).map(({ position }) => position)).toEqual([1]);
  expect(await search(commits, 1_000)).toEqual([]);
});
