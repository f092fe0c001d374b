import { StoreValues, type LoadedText, type Value } from '../../../../host/records/commits/store-values';
import { Transaction } from '../../../../host/records/commits/transaction';

function writing(values: StoreValues, key: string, text: string): Transaction {
  const transaction = new Transaction();
  transaction.reads.set(key, values.get(key)!.version);
  transaction.writes.set(key, text);
  return transaction;
}

const committedText = (text: string | null, position = 1) => new StoreValues(() => ({ text, position }));

describe('StoreValues', () => {
  it('forgets a value that cannot be loaded, so that the next read tries again', async () => {
    let isDown = true;
    const values = new StoreValues(() => (isDown ? Promise.reject(new Error('down')) : { text: '1', position: 1 }));
    await expect(values.read('a')).rejects.toThrow('down');
    isDown = false;
    expect((await values.read('a')).committed).toBe('1');
  });

  it('keeps a commit that arrives while an older text is loaded', async () => {
    let loaded!: (text: LoadedText) => void;
    const values = new StoreValues(() => new Promise((resolve) => (loaded = resolve)));
    const read = values.read('a');
    values.replace('a', 'new', 5);
    values.discard(['a']);
    loaded({ text: 'old', position: 4 });
    expect(await read).toMatchObject({ committed: 'new', current: 'new', position: 5 });
  });

  it('keeps a loaded text that is newer than a commit that is read later', async () => {
    const values = committedText('new', 5);
    await values.read('a');
    values.replace('a', 'old', 4);
    expect(values.get('a')).toMatchObject({ committed: 'new', position: 5 });
  });

  it('loads a key once for two reads at a time', async () => {
    let loads = 0;
    const values = new StoreValues(() => Promise.resolve({ text: String(++loads), position: 1 }));
    const both: readonly Value[] = await Promise.all([values.read('a'), values.read('a')]);
    expect([loads, both[0]]).toEqual([1, both[1]]);
  });

  it('finds a run stale whose value has changed, was discarded or is forgotten', async () => {
    const values = committedText('0');
    for (const change of [
      () => values.apply(writing(values, 'a', '1')),
      () => values.discard(['a']),
      () => values.clear(),
    ]) {
      await values.read('a');
      const run = writing(values, 'a', '2');
      expect(values.isStale(run)).toBe(false);
      change();
      expect(values.isStale(run)).toBe(true);
    }
  });

  it('returns to the committed text when changes are discarded', async () => {
    const values = committedText('0');
    await values.read('a');
    const run = writing(values, 'a', '1');
    values.apply(run);
    expect([values.get('a')!.current, values.readsUncommitted(run)]).toEqual(['1', true]);
    values.discard(['a']);
    expect([values.get('a')!.current, values.readsUncommitted(run)]).toEqual(['0', false]);
  });

  it('counts the uncommitted runs of a key', async () => {
    const values = committedText('0');
    await values.read('a');
    values.apply(writing(values, 'a', '1'));
    values.apply(writing(values, 'a', '2'));
    values.committed([['a', '1']], 2);
    expect(values.get('a')).toMatchObject({ committed: '1', current: '2', uncommitted: 1 });
  });

  it('evicts the oldest value when there are too many, but none that is uncommitted', async () => {
    const values = new StoreValues(() => ({ text: '0', position: 1 }), 2);
    await values.read('a');
    values.apply(writing(values, 'a', '1'));
    for (const key of 'bc') await values.read(key);
    expect(['a', 'b', 'c'].map((key) => values.get(key) !== undefined)).toEqual([true, false, true]);
  });
});
