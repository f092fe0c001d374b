import { BucketFiller } from '../../../../host/records/commits/bucket-filler';
import { CHECKPOINT_KEY, CheckpointStore } from '../../../../host/records/commits/checkpoint';
import { FoldedLog } from '../../../../host/records/commits/folded-log';
import type { KeyValue } from '../../../../host/records/key-value';
import { SettledSet } from '../../../../host/records/settled-set';
import type { Entry } from '../../../../host/records/key-value';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { after, AT_ONCE, changesOf } from './fake-host';
import { SharedSettled } from './model-events';
import { TurnTime } from './turn-time';

describe('BucketFiller', () => {
  let bucket: MemoryBucket;
  let folded: FoldedLog;
  let filler: BucketFiller;
  let foreign: string[];
  let refill: () => Promise<void>;
  let store: CheckpointStore;
  let stop: AbortController;
  let time: TurnTime;
  beforeEach(() => {
    [bucket, foreign, stop, time] = [new MemoryBucket('b'), [], new AbortController(), new TurnTime()];
    store = new CheckpointStore(bucket);
    folded = new FoldedLog(() => 0, 'host');
    refill = async () => undefined;
    filler = new BucketFiller({
      host: 'b',
      bucket,
      folded,
      checkpoints: store,
      time,
      stop: stop.signal,
      maxBytes: () => 1_000_000,
      foreign: (key) => foreign.push(key),
      refill: () => refill(),
      filled: () => undefined,
      heldBack: () => undefined,
      failed: () => undefined,
    });
  });
  afterEach(() => {
    stop.abort();
    time.end();
  });

  function commit(position: number, text: string, adopted: readonly [string, number][] = []): void {
    const run = changesOf(position, { writes: new Map([['a', text]]) } as never);
    folded.fold(position, { host: 'x', number: 1, runs: [run], sent: [], adopted: new Map(adopted) });
  }
  async function fill(): Promise<void> {
    filler.isFiller = true;
    await filler.finish();
  }

  it.each([
    ['a', true, false],
    ['c', false, true],
  ])(
    'beside the host %s, which fills the bucket too, stops (%s), so that one of them continues',
    (other, stops, isFiller) => {
      filler.isFiller = true;
      expect(filler.yieldTo(other)).toBe(stops);
      expect(filler.isFiller).toBe(isFiller);
    },
  );

  it('never puts an older text over a later one, also where it knows the revision', async () => {
    await bucket.put('a', 'later', undefined, 5);
    commit(4, 'older');
    await fill();
    expect(bucket.entries.get('a')!.value).toBe('later');
  });

  it('does not overwrite a value of another program', async () => {
    await bucket.put('a', 'foreign');
    commit(1, 'own');
    await fill();
    expect([bucket.entries.get('a')!.value, foreign]).toEqual(['foreign', ['a']]);
    expect(folded.filled).toBe(0);
  });

  it('finds a foreign value that was put over its own', async () => {
    commit(1, 'own');
    await fill();
    await bucket.put('a', 'foreign');
    commit(2, 'later');
    await fill();
    expect([bucket.entries.get('a')!.value, foreign]).toEqual(['foreign', ['a']]);
  });

  it('overwrites a foreign value that a commit has taken up', async () => {
    const revision = await bucket.put('a', 'foreign');
    commit(1, 'own', [['a', revision]]);
    await fill();
    expect([bucket.entries.get('a')!.value, foreign]).toEqual(['own', []]);
  });

  it('does not adopt a value that it has read before the adoption was complete', async () => {
    const revision = await bucket.put('a', 'foreign');
    commit(1, 'foreign', [['a', revision]]);
    commit(2, 'own');
    const get = bucket.get.bind(bucket);
    jest.spyOn(bucket, 'get').mockImplementationOnce(async (key) => {
      const entry = await get(key);
      await bucket.put('a', 'own', undefined, 2);
      folded.filledUpTo(2);
      return entry;
    });
    await fill();
    expect(foreign).toEqual([]);
  });

  describe('with a bucket that the server has lost', () => {
    let checkpoints: (Entry | undefined)[];
    beforeEach(async () => {
      commit(1, 'own');
      await fill();
      bucket.entries.clear();
      checkpoints = [];
      refill = async () => {
        await after();
        checkpoints.push(await bucket.get(CHECKPOINT_KEY));
        store.startOver();
        await store.read();
        folded.refill({ position: 0, revision: 0 }, new Map([['a', { text: 'own', position: 1 }]]));
      };
    });
    const expectRefilled = (): void => {
      expect(checkpoints).toEqual([undefined]);
      expect(bucket.entries.get('a')!.value).toBe('own');
      expect(JSON.parse(bucket.entries.get(CHECKPOINT_KEY)!.value!)).toMatchObject({ n: folded.position });
    };

    it('stores a checkpoint only when the bucket has its values again', async () => {
      filler.noteLost();
      await filler.fillAll();
      expectRefilled();
    });

    it('finds out about the loss when it stores a checkpoint', async () => {
      commit(2, 'own');
      await filler.fillAll();
      expectRefilled();
    });

    it('leaves the bucket to the next start when it stops', async () => {
      filler.noteLost();
      await filler.finish();
      expect(bucket.entries.size).toBe(0);
    });

    it('starts over again when the bucket is lost once more meanwhile', async () => {
      const once = refill;
      refill = async () => {
        refill = once;
        filler.noteLost();
      };
      filler.noteLost();
      await filler.fillAll();
      expectRefilled();
    });
  });

  it('stores settled events before the checkpoint', async () => {
    const settled = new SharedSettled(new SettledSet(), AT_ONCE);
    folded.add(settled);
    commit(1, 'own');
    jest.spyOn(settled, 'store').mockRejectedValueOnce(new Error('down'));
    await expect(fill()).rejects.toThrow('down');
    expect(bucket.entries.has(CHECKPOINT_KEY)).toBe(false);
    await fill();
    expect(bucket.entries.has(CHECKPOINT_KEY)).toBe(true);
  });

  it('stores no checkpoint of commits that it has not folded', async () => {
    commit(1, 'own');
    folded.filledUpTo(5);
    await fill();
    expect(bucket.entries.has(CHECKPOINT_KEY)).toBe(false);
  });

  it('says in the checkpoint by which revision the bucket had the texts, also if another host has written them', async () => {
    commit(1, 'one');
    await fill();
    const own = bucket.entries.get('a')!.revision;
    expect((await new CheckpointStore(bucket).read())!.revision).toBe(own);
    const revision = await bucket.put('a', 'two', own, 2);
    commit(2, 'two');
    await fill();
    expect((await new CheckpointStore(bucket).read())!.revision).toBe(revision);
  });

  it('reads a key from the leader after a replica that was behind', async () => {
    await bucket.put('a', 'earlier', undefined, 1);
    const behind = { ...bucket.entries.get('a')! };
    await bucket.put('a', 'later', undefined, 5);
    commit(4, 'older');
    const get = bucket.get.bind(bucket);
    const read = jest.spyOn(bucket as KeyValue, 'get').mockImplementation(async (key, options) => {
      return options?.latest ? get(key) : behind;
    });
    await fill();
    expect(bucket.entries.get('a')!.value).toBe('later');
    expect(read.mock.calls.filter(([key]) => key === 'a')).toEqual([
      ['a', { asOf: 0 }],
      ['a', { latest: true }],
    ]);
  });

  it('takes over when the bucket has not got on for a second', async () => {
    commit(1, 'one');
    folded.filledUpTo(1);
    commit(2, 'two');
    filler.start();
    await after(900);
    expect(filler.isFiller).toBe(false);
    await after(300);
    expect(bucket.entries.get('a')?.value).toBe('two');
  });

  it('stores a checkpoint of commits that change no value, so that the log can be trimmed', async () => {
    const run = changesOf(1, { writes: new Map() } as never);
    folded.fold(1, { host: 'x', number: 1, runs: [run], sent: [], adopted: new Map() });
    filler.start();
    while (folded.filled < 1 || !bucket.entries.has(CHECKPOINT_KEY))
      await new Promise((resolve) => setImmediate(resolve));
    expect(await new CheckpointStore(bucket).read()).toMatchObject({ filled: 1, folded: 1 });
  });

  it('removes a value', async () => {
    commit(1, 'one');
    await fill();
    const run = changesOf(2, { writes: new Map([['a', null]]) } as never);
    folded.fold(2, { host: 'x', number: 1, runs: [run], sent: [], adopted: new Map() });
    await fill();
    expect(bucket.entries.get('a')).toMatchObject({ value: undefined, position: 2 });
  });
});
