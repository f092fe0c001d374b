import type { Moment } from '../../../../host/records/history/moment';
import { storeAt, type StoreStateOptions } from '../../../../host/records/history/store-at';
import { encodeCommit } from '../../../../host/records/commits/commit';
import { drawsOf } from '../../../support/draws';
import { PastStore, runOf, type Writes } from './past-store';

let store: PastStore;
beforeEach(() => (store = new PastStore()));

async function at(moment: Moment, options?: StoreStateOptions): Promise<object> {
  const { texts, unknown } = await storeAt(store.log, store.bucket, moment, options);
  return { ...Object.fromEntries(texts), ...(unknown.length > 0 && { unknown }) };
}
const behind = (position: number): Moment => ({ position: position + 1, runs: 0 });

describe('storeAt', () => {
  it('has no value before the first commit', async () => {
    await store.commit([runOf(1, { a: '1' })]);
    await store.fill('a', '1', 1);
    expect(await at({ position: 1, runs: 0 })).toEqual({});
    expect(await at(behind(1))).toEqual({ a: '1' });
  });

  it('shows all changes of a run or none, and those of later runs of the same commit not yet', async () => {
    await store.commit([runOf(1, { a: '1', b: '1' }), runOf(2, { a: '2', b: null }), runOf(3, { c: '3' })]);
    expect(await at({ position: 1, runs: 1 })).toEqual({ a: '1', b: '1' });
    expect(await at({ position: 1, runs: 2 })).toEqual({ a: '2' });
    expect(await at(behind(1))).toEqual({ a: '2', c: '3' });
  });

  it('takes a value from before the kept history from the bucket, unless it was replaced since', async () => {
    for (const n of [1, 2, 3, 4, 5]) await store.commit([runOf(n, { [`k${n % 3}`]: String(n) })]);
    await store.fill('k0', '3', 3);
    await store.fill('k1', '4', 4);
    await store.fill('k2', '5', 5);
    await store.fill('gone', null, 2);
    await store.fill('=checkpoint', '{}', 5);
    await store.removeUpTo(3);
    expect(await at(behind(5))).toEqual({ k0: '3', k1: '4', k2: '5' });
    expect(await at(behind(4))).toEqual({ k0: '3', k1: '4', unknown: ['k2'] });
    expect(await at(behind(3))).toEqual({ k0: '3', unknown: ['k1', 'k2'] });
    expect(await at(behind(4), { only: ['k0', 'k2', 'never'] })).toEqual({ k0: '3', unknown: ['k2'] });
  });

  it('does not know a removed value from before the kept history, and no value of a key that a program has put there', async () => {
    for (const n of [1, 2, 3]) await store.commit([runOf(n, { a: n === 3 ? null : String(n) })]);
    await store.fill('a', null, 3);
    await store.bucket.put('foreign', '7');
    await store.removeUpTo(1);
    expect(await at(behind(1))).toEqual({ unknown: ['a', 'foreign'] });
    expect(await at(behind(2))).toEqual({ a: '2', unknown: ['foreign'] });
  });

  it('leaves out messages of other programs, and refuses commits of a later version', async () => {
    await store.commit([runOf(1, { a: '1' })]);
    store.log.put('no commit');
    await store.commit([runOf(2, { b: '2' })]);
    expect(await at(behind(3))).toEqual({ a: '1', b: '2' });
    store.log.put('{"f":99}');
    await expect(at(behind(4), { only: ['a'] })).rejects.toMatchObject({ code: 'JP_LOG_UNREADABLE' });
  });

  it('reads on to where the history begins by then, if commits are removed meanwhile', async () => {
    for (let n = 1; n <= 2_500; n++) await store.commit([runOf(n, { [`k${n % 5}`]: String(n), old: '1' })]);
    await store.fill('rare', 'r', 900);
    let reads = 0;
    const progress = (): void => {
      if (++reads === 1) void store.removeUpTo(1_200);
    };
    const { texts } = await storeAt(store.log, store.bucket, behind(2_500), { progress });
    expect(Object.fromEntries(texts)).toMatchObject({ k0: '2500', k4: '2499', old: '1', rare: 'r' });
    expect(reads).toBe(2);
  });

  it('is exact at every moment of a random history', async () => {
    const draw = drawsOf(14);
    const states = new Map<string, Record<string, string>>();
    let state: Record<string, string> = {};
    let runs = 0;
    for (let position = 1; position <= 50; position++) {
      const commit = Array.from({ length: draw(5) }, () => {
        const writes: Record<string, string | null> = {};
        for (let n = draw(4); n > 0; n--) writes[`k${draw(6)}`] = draw(4) === 0 ? null : String(++runs);
        return runOf(++runs, writes);
      });
      states.set(`${position} 0`, state);
      for (const [i, run] of commit.entries()) {
        state = applied(state, Object.fromEntries(run.writes));
        states.set(`${position} ${i + 1}`, state);
      }
      await store.commit(commit);
    }
    for (const [name, expected] of states) {
      const [position, count] = name.split(' ').map(Number) as [number, number];
      expect(await at({ position, runs: count })).toEqual(expected);
      expect(await at({ position, runs: count }, { only: ['k2'] })).toEqual(
        expected['k2'] === undefined ? {} : { k2: expected['k2'] },
      );
    }
  });
});

function applied(state: Readonly<Record<string, string>>, writes: Writes): Record<string, string> {
  const next = Object.entries({ ...state, ...writes }).filter(([, text]) => text !== null);
  return Object.fromEntries(next) as Record<string, string>;
}

it('a text that only looks like a key of the wanted ones does not matter', async () => {
  const text = encodeCommit({ host: '"a"', number: 1, runs: [], sent: [], adopted: new Map() });
  await store.log.append(text, 0);
  await store.commit([runOf(1, { b: '"a"' })]);
  expect(await at(behind(2), { only: ['a'] })).toEqual({});
});
