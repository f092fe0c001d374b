import {
  CHECKPOINT_KEY,
  CheckpointRegressed,
  CheckpointStore,
  type Checkpoint,
} from '../../../../host/records/commits/checkpoint';
import { SettledSet } from '../../../../host/records/settled-set';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';

function at(filled: number, folded = filled): Checkpoint {
  const settled = [['d', 'i', new SettledSet([[1, filled]])]] as const;
  return {
    filled,
    revision: 2 * filled,
    folded,
    parts: {
      unsent: [],
      left: [['f', { departure: { to: 'retry-queue', dueAtMs: 4 }, position: 5 }]],
      parts: [['e', [new Map([['k', null]])]]],
      adopted: [['k', 2, 3]],
      settled,
      claims: [['d', 'host']],
    },
  };
}

describe('CheckpointStore', () => {
  it('leaves a later checkpoint of another host', async () => {
    const bucket = new MemoryBucket('b');
    const [one, other] = [new CheckpointStore(bucket), new CheckpointStore(bucket)];
    await one.write(at(3));
    await other.write(at(9));
    expect(await one.write(at(5))).toBe(9);
    expect((await one.read())!.filled).toBe(9);
  });

  it('never goes back, also where it knows the revision of the later checkpoint', async () => {
    const bucket = new MemoryBucket('b');
    await new CheckpointStore(bucket).write(at(9));
    const one = new CheckpointStore(bucket);
    await one.read();
    expect(await one.write(at(5))).toBe(9);
    expect((await one.read())!.filled).toBe(9);
  });

  it('replaces an earlier checkpoint of another host', async () => {
    const bucket = new MemoryBucket('b');
    await new CheckpointStore(bucket).write(at(3));
    const one = new CheckpointStore(bucket);
    expect(await one.write(at(5, 7))).toBe(5);
    expect(await one.read()).toEqual(at(5, 7));
  });

  it('stores none in a bucket that was lost, until it has started over', async () => {
    const bucket = new MemoryBucket('b');
    const one = new CheckpointStore(bucket);
    await one.write(at(9));
    bucket.entries.clear();
    for (let tries = 0; tries < 2; tries++) await expect(one.write(at(10))).rejects.toThrow(CheckpointRegressed);
    await one.read();
    await expect(one.write(at(10))).rejects.toThrow(CheckpointRegressed);
    expect(bucket.entries.size).toBe(0);
    one.startOver();
    expect(await one.write(at(10))).toBe(10);
  });

  it('refuses a checkpoint of a later format', async () => {
    const bucket = new MemoryBucket('b');
    await bucket.put(CHECKPOINT_KEY, '{"f":2}');
    await expect(new CheckpointStore(bucket).read()).rejects.toThrow("the checkpoint's format is 2");
  });

  it('finds none in a new bucket', async () => {
    expect(await new CheckpointStore(new MemoryBucket('b')).read()).toBeUndefined();
  });
});
