import { CheckpointStore } from '../../../../host/records/commits/checkpoint';
import { FoldedLog } from '../../../../host/records/commits/folded-log';
import { LogHistory } from '../../../../host/records/commits/log-history';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { MemoryCommitLog } from '../../../../host/testing/memory-commit-log';
import { VirtualTime } from '../../../../host/testing/virtual-time';
import { after } from './fake-host';

const MINUTE_MS = 60_000;

describe('LogHistory', () => {
  let time: VirtualTime;
  let log: MemoryCommitLog;
  let bucket: MemoryBucket;
  let history: LogHistory;
  let isResponsible: boolean;
  beforeEach(() => {
    time = new VirtualTime(0);
    log = new MemoryCommitLog('shop', { nowMs: () => time.epochMs() });
    bucket = new MemoryBucket('b');
    isResponsible = true;
    history = new LogHistory({
      ...{ log, time, historyMs: 10 * MINUTE_MS, stop: new AbortController().signal },
      checkpoints: new CheckpointStore(bucket),
      isResponsible: () => isResponsible,
      failed: (error) => expect(error).toBeUndefined(),
    });
  });
  afterEach(() => history.stop());

  async function commit(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await log.append('x', (await log.bounds()).last);
  }
  async function checkpoint(filled: number): Promise<void> {
    const parts = new FoldedLog(() => 0, 'host').partsToKeep;
    await new CheckpointStore(bucket).write({ filled, revision: 0, folded: filled, parts });
  }
  async function advance(ms: number): Promise<void> {
    const untilMs = time.nowMs() + ms;
    while (time.step(untilMs, true)) await after(1);
    await after(1);
  }
  const first = async (): Promise<number> => (await log.bounds()).first;

  it('removes commits that are older than the history, up to a checkpoint that is five minutes old', async () => {
    history.start();
    await commit(3);
    await checkpoint(2);
    await advance(10 * MINUTE_MS);
    expect(await first()).toBe(1);
    await checkpoint(3);
    await advance(3 * MINUTE_MS);
    expect(await first()).toBe(3);
    await advance(4 * MINUTE_MS);
    expect(await first()).toBe(4);
  });

  it('removes no commit of the history', async () => {
    history.start();
    await commit(2);
    await checkpoint(2);
    await advance(9 * MINUTE_MS);
    expect(await first()).toBe(1);
  });

  it('leaves the commits to the host that fills the bucket', async () => {
    isResponsible = false;
    history.start();
    await commit(2);
    await checkpoint(2);
    await advance(30 * MINUTE_MS);
    expect(await first()).toBe(1);
  });

  it('removes no commit of a full log before a checkpoint is five minutes old, then half of those', async () => {
    await commit(8);
    await checkpoint(6);
    expect(await history.makeRoom()).toBe(false);
    await advance(5 * MINUTE_MS - 1);
    expect(await history.makeRoom()).toBe(false);
    await checkpoint(8);
    await advance(1);
    expect(await history.makeRoom()).toBe(true);
    expect(await first()).toBe(4);
    while (await history.makeRoom());
    expect(await first()).toBe(7);
  });

  it('forgets the checkpoints of a bucket that was restored from an older copy', async () => {
    await commit(8);
    await checkpoint(2);
    const older = { ...bucket.entries.get('=checkpoint')! };
    await checkpoint(8);
    await history.makeRoom();
    await advance(4 * MINUTE_MS);
    bucket.entries.set('=checkpoint', older);
    expect(await history.makeRoom()).toBe(false);
    await advance(4 * MINUTE_MS);
    expect(await history.makeRoom()).toBe(false);
    await advance(MINUTE_MS);
    expect(await history.makeRoom()).toBe(true);
    expect(await first()).toBe(2);
  });
});
