import { FinishedRuns, type FinishedRun } from '../../../../host/records/commits/finished-runs';
import { Transaction } from '../../../../host/records/commits/transaction';

function run(reads: string, writes = '', bytes = 10): FinishedRun {
  const transaction = new Transaction();
  for (const key of reads) transaction.reads.set(key, 1);
  for (const key of writes) transaction.writes.set(key, '1');
  return { transaction, runs: [], bytes, waiter: { resolve: () => undefined, reject: () => undefined } };
}

function runsOf(...all: FinishedRun[]): FinishedRuns {
  const finished = new FinishedRuns();
  for (const one of all) finished.add(one);
  return finished;
}

describe('FinishedRuns', () => {
  it('takes out the runs that depend on an outdated one, also over several steps', () => {
    const [c, b, a, other] = [run('c', 'd'), run('b', 'bc'), run('a', 'ab'), run('x', 'x')];
    const finished = runsOf(c, b, a, other);
    expect(new Set(finished.takeOutdated(new Set(['a'])))).toEqual(new Set([a, b, c]));
    expect(finished.takeAll()).toEqual([other]);
  });

  it('adds the keys that outdated runs have changed', () => {
    const keys = new Set(['a']);
    runsOf(run('a', 'ab')).takeOutdated(keys);
    expect([...keys].sort()).toEqual(['a', 'b']);
  });

  it('takes one run even if it alone is too large', () => {
    const [large, small] = [run('', '', 1_000), run('')];
    const finished = runsOf(large, small);
    expect(finished.take(100)).toEqual([large]);
    expect(finished.take(100)).toEqual([small]);
  });

  it('takes as many runs as fit, in their order', () => {
    const [first, second, third] = [run('', '', 50), run('', '', 50), run('', '', 1)];
    const finished = runsOf(first, second, third);
    expect(finished.take(100)).toEqual([first, second]);
    expect(finished.length).toBe(1);
  });

  it('puts the runs of a refused commit back before those that finished later', () => {
    const [first, second] = [run('a'), run('b')];
    const finished = runsOf(first);
    const taken = finished.take(100);
    finished.add(second);
    finished.putBack(taken);
    expect(finished.take(100)).toEqual([first, second]);
  });
});
