import { KeyChanges, type KeyChange } from '../../../../host/records/history/key-changes';
import { PastStore, runOf, storedAtMs } from './past-store';

let store: PastStore;
beforeEach(() => (store = new PastStore()));

async function changesOf(key: string, limit = Infinity) {
  const changes = new KeyChanges(store.log, store.bucket, key);
  const all: KeyChange[] = [];
  for await (const change of changes) if (all.push(change) >= limit) break;
  return { all, texts: all.map(({ text }) => text), ...(await changes.earlier()) };
}

describe('KeyChanges', () => {
  it('are the changes of the key, newest first, with the run of each', async () => {
    await store.commit([runOf(1, { a: '1' }), runOf(2, { b: '2' }), runOf(3, { a: '3' }, { attempt: 2 })]);
    await store.commit([{ origin: { handler: 'cli', timeMs: 5 }, writes: new Map([['a', null]]), emits: [] }]);
    await store.commit([runOf(4, { a: '4' })]);
    const { all, before } = await changesOf('a');
    expect(all.map(({ position, text, origin }) => [position, text, origin.eventId ?? origin.handler])).toEqual([
      [3, '4', 'e4'],
      [2, null, 'cli'],
      [1, '3', 'e3'],
      [1, '1', 'e1'],
    ]);
    expect(all[2]).toMatchObject({ storedAtMs: storedAtMs(1), origin: { attempt: 2, version: 'v1' } });
    expect(before).toEqual({ kind: 'none' });
    expect((await changesOf('a', 2)).texts).toEqual(['4', null]);
    expect((await changesOf('never')).all).toEqual([]);
  });

  it('end where the log was cut; the bucket may have the value before', async () => {
    for (const n of [1, 2, 3]) await store.commit([runOf(n, { [n === 3 ? 'b' : 'a']: String(n) })]);
    await store.fill('a', '2', 2);
    await store.fill('b', '3', 3);
    await store.removeUpTo(2);
    expect(await changesOf('a')).toMatchObject({ texts: [], before: { kind: 'known', text: '2' } });
    expect(await changesOf('b')).toMatchObject({ texts: ['3'], before: { kind: 'unknown' } });
    expect(await changesOf('never')).toMatchObject({ texts: [], before: { kind: 'none' } });
    await store.fill('a', null, 2);
    expect((await changesOf('a')).before).toEqual({ kind: 'known', text: null });
  });

  it('tell a value of another program that no commit has taken up', async () => {
    const revision = await store.bucket.put('a', '7');
    expect(await changesOf('a')).toMatchObject({ texts: [], foreign: { text: '7' } });
    const origin = { handler: 'bucket', timeMs: 1 };
    await store.commit([{ origin, writes: new Map([['a', '7']]), emits: [] }], { a: revision });
    expect(await changesOf('a')).toEqual(expect.not.objectContaining({ foreign: expect.anything() }));
    await store.bucket.delete('a');
    expect(await changesOf('a')).toMatchObject({ texts: ['7'], foreign: { text: null } });
  });
});
