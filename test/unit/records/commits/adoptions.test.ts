import { Adoptions } from '../../../../host/records/commits/adoptions';
import { CHECKPOINT_KEY } from '../../../../host/records/commits/checkpoint';
import type { Commit } from '../../../../host/records/commits/commit';
import { FoldedLog } from '../../../../host/records/commits/folded-log';

describe('Adoptions', () => {
  let folded: FoldedLog;
  let adoptions: Adoptions;
  const refused: string[] = [];
  beforeEach(() => {
    refused.length = 0;
    folded = new FoldedLog(() => 0, 'host');
    adoptions = new Adoptions(
      folded,
      () => 1_048_576,
      (key) => refused.push(key),
    );
  });

  function take(): { commit: Commit; texts: Record<string, string | null> } {
    const adopted = new Map<string, number>();
    const runs = adoptions.take(adopted, 1);
    return {
      commit: { host: 'x', number: 1, runs, sent: [], adopted },
      texts: Object.fromEntries(runs.flatMap(({ writes }) => [...writes])),
    };
  }

  it('does not take up a value that a commit has taken up', () => {
    folded.adopted.set('a', { revision: 4, position: 1 });
    expect(adoptions.add('a', { revision: 4, value: 'x' })).toBe(false);
    expect(adoptions.add('a', { revision: 5, value: 'y' })).toBe(true);
  });

  it('drops a waiting value that another commit takes up, also after the bucket has that commit', () => {
    adoptions.add('a', { revision: 4, value: 'x' });
    adoptions.drop({ adopted: new Map([['a', 4]]) } as unknown as Commit);
    expect([adoptions.isEmpty, take().texts]).toEqual([true, {}]);
  });

  it('keeps a later value than the one that a commit takes up', () => {
    adoptions.add('a', { revision: 5, value: 'y' });
    adoptions.drop({ adopted: new Map([['a', 4]]) } as unknown as Commit);
    expect(take().texts).toEqual({ a: 'y' });
  });

  it('puts back the values of a refused commit, but not over a later one', () => {
    adoptions.add('a', { revision: 4, value: 'x' });
    adoptions.add('b', { revision: 5, value: undefined });
    const { commit } = take();
    expect(adoptions.isEmpty).toBe(true);
    adoptions.add('a', { revision: 6, value: 'z' });
    adoptions.putBack(commit);
    expect(take().texts).toEqual({ a: 'z', b: null });
  });

  it('never takes up the checkpoint', () => {
    expect(adoptions.add(CHECKPOINT_KEY, { revision: 4, value: '{}' })).toBe(false);
  });

  it('splits values that do not fit into one commit', () => {
    for (const key of 'ab') adoptions.add(key, { revision: 4, value: key.repeat(600_000) });
    expect([Object.keys(take().texts), Object.keys(take().texts), adoptions.isEmpty]).toEqual([['a'], ['b'], true]);
  });

  it('leaves out a value that fits into no commit, and says so', () => {
    adoptions.add('a', { revision: 4, value: '"'.repeat(600_000) });
    const { commit, texts } = take();
    expect([texts, commit.adopted.get('a'), refused]).toEqual([{}, 4, ['a']]);
  });
});
