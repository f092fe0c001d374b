import { momentAfter, momentBefore } from '../../../../host/records/history/event-moments';
import { momentAt } from '../../../../host/records/history/moment';
import { storeAt } from '../../../../host/records/history/store-at';
import { PastStore, runOf, START_MS, storedAtMs } from './past-store';

let store: PastStore;
beforeEach(() => (store = new PastStore()));

describe('momentAfter and momentBefore', () => {
  it('are next to the run of the event, by its id and by its place', async () => {
    await store.commit([runOf(1, { a: '1' }), runOf(2, { a: '2', b: '2' }), runOf(3, { a: '3' })]);
    for (const event of [{ id: 'e2' }, { stream: 'EVENTS', sequence: 2 }]) {
      const after = await momentAfter(store.log, event);
      expect(after).toMatchObject({ moment: { position: 1, runs: 2 }, storedAtMs: storedAtMs(1) });
      expect(after!.origin).toMatchObject({ handler: 'count', eventId: 'e2', attempt: 1 });
      expect((await momentBefore(store.log, event))!.moment).toEqual({ position: 1, runs: 1 });
    }
    const { texts } = await storeAt(store.log, store.bucket, (await momentBefore(store.log, { id: 'e2' }))!.moment);
    expect(Object.fromEntries(texts)).toEqual({ a: '1' });
  });

  it('cover all runs of a call for a batch', async () => {
    const joined = (n: number) => runOf(n, { [`k${n}`]: 'x' }, { joins: true });
    await store.commit([runOf(1, {}), runOf(2, { a: '2' }), joined(3), joined(4), runOf(5, {})]);
    for (const id of ['e2', 'e3', 'e4']) {
      expect((await momentAfter(store.log, { id }))!.moment).toEqual({ position: 1, runs: 4 });
      expect((await momentBefore(store.log, { id }))!.moment).toEqual({ position: 1, runs: 1 });
    }
  });

  it('count the first and the last handler of the event, or the one that is named', async () => {
    await store.commit([runOf(1, { a: '1' }, { handler: 'first' })]);
    await store.commit([runOf(2, { a: '2' })]);
    await store.commit([runOf(1, { b: '1' }, { handler: 'second' })]);
    expect((await momentAfter(store.log, { id: 'e1' }))!.moment).toEqual({ position: 3, runs: 1 });
    expect((await momentBefore(store.log, { id: 'e1' }))!.moment).toEqual({ position: 1, runs: 0 });
    const ofSecond = await momentBefore(store.log, { id: 'e1', handler: 'second' });
    expect(ofSecond!.moment).toEqual({ position: 3, runs: 0 });
    expect(await momentBefore(store.log, { id: 'e1', handler: 'third' })).toBeUndefined();
  });

  it('take the run that has handled an event which was put off, and the dead letter of one that was never handled', async () => {
    await store.commit([runOf(1, {}, { left: { to: 'retry-queue', dueAtMs: 1 } })]);
    await store.commit([runOf(2, {}, { left: { to: 'dead-letter' } })]);
    await store.commit([runOf(1, { a: '1' })]);
    expect((await momentBefore(store.log, { id: 'e1' }))!.moment).toEqual({ position: 3, runs: 0 });
    expect((await momentBefore(store.log, { id: 'e2' }))!.moment).toEqual({ position: 2, runs: 0 });
  });

  it('find no event that has no commit, also if a value names it', async () => {
    await store.commit([runOf(1, { e9: '"e9"' })]);
    expect(await momentAfter(store.log, { id: 'e9' })).toBeUndefined();
    expect(await momentAfter(store.log, { id: 'OTHER:1', stream: 'OTHER', sequence: 1 })).toBeUndefined();
  });
});

describe('momentAt', () => {
  it('is behind the commits that the server had stored by then, in the order of the log', async () => {
    for (const n of [1, 2, 3]) await store.commit([runOf(n, {}, {})]);
    expect(await momentAt(store.log, storedAtMs(2))).toEqual({ position: 3, runs: 0 });
    expect(await momentAt(store.log, storedAtMs(2) - 1)).toEqual({ position: 2, runs: 0 });
    expect(await momentAt(store.log, START_MS)).toEqual({ position: 1, runs: 0 });
    expect(await momentAt(store.log, 8.64e15)).toEqual({ position: 4, runs: 0 });
    expect(await momentAt(store.log, -1e15)).toEqual({ position: 1, runs: 0 });
  });

  it('is not known before the oldest commit that is left', async () => {
    for (const n of [1, 2, 3]) await store.commit([runOf(n, {}, {})]);
    await store.removeUpTo(1);
    expect(await momentAt(store.log, storedAtMs(2) - 1)).toBeUndefined();
    expect(await momentAt(store.log, storedAtMs(2))).toEqual({ position: 3, runs: 0 });
  });

  it('is the present since the newest commit if all are removed', async () => {
    for (const n of [1, 2]) await store.commit([runOf(n, {}, {})]);
    await store.removeUpTo(2);
    expect(await momentAt(store.log, storedAtMs(2) - 1)).toBeUndefined();
    expect(await momentAt(store.log, storedAtMs(2))).toEqual({ position: 3, runs: 0 });
  });

  it('knows no beginning of a log that replaces a lost one', async () => {
    store = new PastStore(1_000);
    expect(await momentAt(store.log, START_MS)).toBeUndefined();
    await store.commit([runOf(1, {})]);
    expect(await momentAt(store.log, START_MS)).toBeUndefined();
    expect(await momentAt(store.log, storedAtMs(1))).toEqual({ position: 1_002, runs: 0 });
  });
});
