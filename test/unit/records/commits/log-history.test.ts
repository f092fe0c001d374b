import { CHECKPOINT_KEY, CheckpointStore } from '../../../../host/records/commits/checkpoint';
import { LogHistory } from '../../../../host/records/commits/log-history';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { AT_ONCE } from './fake-host';
import { FakeLog, SharedLog } from './fake-log';
import { TurnTime } from './turn-time';

describe('LogHistory', () => {
  let bucket: MemoryBucket;
  let shared: SharedLog;
  let history: LogHistory;
  beforeEach(async () => {
    [bucket, shared] = [new MemoryBucket('b'), new SharedLog()];
    const log = new FakeLog(shared, AT_ONCE);
    for (let position = 0; position < 10; position++) await log.append('', position);
    history = new LogHistory({
      log,
      checkpoints: new CheckpointStore(bucket),
      time: new TurnTime(),
      stop: new AbortController().signal,
      historyMs: Infinity,
      isResponsible: () => true,
      failed: (error) => {
        throw error;
      },
    });
  });

  const checkpoint = async (filled: number): Promise<void> => {
    const parts = { unsent: [], left: [], parts: [], adopted: [], settled: [] };
    await new CheckpointStore(bucket).write({ filled, folded: filled, parts });
  };

  it('makes room up to the checkpoint before the last one', async () => {
    await checkpoint(5);
    expect([await history.makeRoom(), shared.first]).toEqual([false, 1]);
    await checkpoint(9);
    expect([await history.makeRoom(), shared.first]).toEqual([true, 4]);
  });

  it('removes no commit that a lost bucket needs again', async () => {
    await checkpoint(9);
    await history.makeRoom();
    bucket.entries.delete(CHECKPOINT_KEY);
    expect([await history.makeRoom(), shared.first]).toEqual([false, 1]);
  });
});
