import type { Commit, EventOf, BucketFill, RunChanges } from '../../../../host/records/commits/commit';
import { FoldedLog } from '../../../../host/records/commits/folded-log';
import { SettledSet } from '../../../../host/records/settled-set';
import { DURABLE, INCARNATION, SharedSettled } from './model-events';

const eventOf = (sequence: number): EventOf => ({ durable: DURABLE, incarnation: INCARNATION, sequence });
const name = (sequence: number): string => `${DURABLE} ${INCARNATION} ${sequence}`;
const emit = (id: string) => ({ id, subject: 's', payload: '{}', headers: {} });

function run(sequence: number, writes: Record<string, string> = {}, more: Partial<RunChanges> = {}): RunChanges {
  return {
    origin: { handler: 'h', timeMs: 1 },
    event: eventOf(sequence),
    writes: new Map(Object.entries(writes)),
    emits: [],
    ...more,
  };
}

function commit(runs: readonly RunChanges[], more: Partial<Commit> = {}): Commit {
  return { host: 'x', number: 1, runs, sent: [], adopted: new Map(), ...more };
}

const at = (position: number, revision = 0): BucketFill => ({ position, revision });

const restored = (from: FoldedLog, position = from.filled): FoldedLog => {
  const folded = new FoldedLog(() => 0, 'host');
  folded.restore(at(position, from.bucketRevision), from.partsToKeep);
  return folded;
};

describe('FoldedLog', () => {
  let folded: FoldedLog;
  beforeEach(() => (folded = new FoldedLog(() => 0, 'host')));

  it('keeps a later text when the bucket has an earlier one', () => {
    folded.fold(1, commit([run(1, { a: '1' })]));
    const first = folded.unfilled.get('a')!;
    folded.fold(2, commit([run(2, { a: '2' })]));
    folded.filledKey('a', first, 1);
    folded.filledUpTo(1);
    expect(folded.unfilled.get('a')!.text).toBe('2');
    folded.filledUpTo(2);
    expect(folded.unfilled.size).toBe(0);
  });

  it('knows a revision by which the bucket has each text that it does not keep', () => {
    folded.trustFrom = 0;
    folded.fold(1, commit([run(1, { a: '1', b: '1' })]));
    folded.filledKey('a', folded.unfilled.get('a')!, 7);
    expect(folded.bucketRevision).toBe(7);
    folded.fold(2, commit([run(2)], { filled: at(1, 9) }));
    expect([folded.unfilled.size, folded.bucketRevision]).toEqual([0, 9]);
    folded.filledUpTo(2, 8);
    expect(folded.bucketRevision).toBe(9);
    expect(restored(folded).bucketRevision).toBe(9);
  });

  it('forgets the revision of a lost bucket', () => {
    folded.fold(1, commit([run(1, { a: '1' })]));
    folded.filledKey('a', folded.unfilled.get('a')!, 7);
    folded.refill(at(0), new Map([['a', { text: '1', position: 1 }]]));
    expect([folded.unfilled.get('a')?.text, folded.bucketRevision]).toEqual(['1', 0]);
  });

  it('keeps the emits of a later part when a commit says that those of an earlier part are sent', () => {
    folded.fold(1, commit([run(1, {}, { part: 1, emits: [emit('a')] })]));
    folded.fold(2, commit([run(1, {}, { emits: [emit('b')] })], { sent: [[name(1), 1]] }));
    expect(folded.unsentOf(eventOf(1))).toEqual([emit('b')]);
  });

  it('keeps no part of an event whose work a later checkpoint says is done, when the commit of its last part follows', () => {
    const last = commit([run(1, {}, { passed: 1, hasWork: true })]);
    folded.fold(1, commit([run(1, {}, { part: 1 })]));
    folded.fold(2, last);
    folded.parts.noteWorkDone(name(1));
    const again = restored(folded, 1);
    again.fold(2, last);
    expect(again.parts.of(eventOf(1))).toEqual([]);
    expect(again.partsToKeep.parts).toEqual([]);
  });

  it('folds the emits of a commit once that is behind the checkpoint', () => {
    folded.fold(1, commit([run(1, {}, { emits: [emit('a')] })]));
    const again = restored(folded, 0);
    again.fold(1, commit([run(1, {}, { emits: [emit('a')] })]));
    expect(again.unsentOf(eventOf(1))).toEqual([emit('a')]);
  });

  it('remembers an adopted revision until the bucket has the last text of the key, also over a restart', () => {
    folded.fold(1, commit([run(1, { a: '1' })], { adopted: new Map([['a', 9]]) }));
    folded.fold(2, commit([run(2, { a: '2' })]));
    folded.filledUpTo(1);
    expect(folded.adopted.get('a')?.revision).toBe(9);
    expect(restored(folded).adopted.get('a')?.revision).toBe(9);
    const before = folded.adopted.forgotten;
    folded.filledUpTo(2);
    expect(folded.adopted.size).toBe(0);
    expect(folded.adopted.forgotten).toBeGreaterThan(before);
  });

  it('counts early commit points until the event is settled', () => {
    folded.fold(1, commit([run(1, {}, { part: 1 })]));
    expect([folded.parts.of(eventOf(1)).length, folded.isSettled(run(1))]).toEqual([1, false]);
    expect([1, 2].map((part) => folded.parts.isOvertaken(run(1, {}, { part })))).toEqual([true, false]);
    expect(restored(folded).parts.of(eventOf(1)).length).toBe(1);
    folded.fold(2, commit([run(1)]));
    expect([folded.parts.of(eventOf(1)).length, folded.isSettled(run(1))]).toEqual([0, true]);
  });

  it('keeps the settled events of a handler that is not added, and hands them over', () => {
    folded.fold(1, commit([run(4)]));
    const settled = new SharedSettled(new SettledSet(), () => 0);
    const again = restored(folded);
    expect(again.isSettled(run(4))).toBe(true);
    again.add(settled);
    expect(settled.has(4)).toBe(true);
    expect(again.partsToKeep.settled).toEqual([]);
  });
});
