import { FoldedLog } from '../../../../host/records/commits/folded-log';
import { loadText } from '../../../../host/records/commits/load-text';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { changesOf } from './fake-host';

describe('loadText', () => {
  const bucket = new MemoryBucket('b');
  const reader = { catchUpTo: jest.fn().mockResolvedValue(undefined) };
  let folded: FoldedLog;
  let get: jest.SpyInstance;
  beforeEach(() => {
    folded = new FoldedLog(() => 0, 'host');
    get = jest.spyOn(bucket, 'get').mockResolvedValue({ value: 'stored', revision: 9, position: 1 });
    const run = changesOf(1, { writes: new Map([['a', 'committed']]) } as never);
    folded.fold(1, { host: 'x', number: 1, runs: [run], sent: [], adopted: new Map() });
  });

  it('returns a text that the bucket may not have, without a request', () => {
    expect(loadText('a', reader, folded, bucket)).toEqual({ text: 'committed', position: 1 });
    expect(get).not.toHaveBeenCalled();
  });

  it('reads a text that the bucket has from a replica that has it too', async () => {
    folded.filledKey('a', folded.unfilled.get('a')!, 9);
    expect(await loadText('a', reader, folded, bucket)).toEqual({ text: 'stored', position: 1 });
    expect(get).toHaveBeenLastCalledWith('a', { asOf: 9 });
  });

  it('first reads the commits up to the position of a text that is ahead of this host', async () => {
    get.mockResolvedValue({ value: 'newer', revision: 12, position: 4 });
    expect(await loadText('b', reader, folded, bucket)).toEqual({ text: 'newer', position: 4 });
    expect(reader.catchUpTo).toHaveBeenLastCalledWith(4);
  });

  it('reads from the leader while no commit is known to be in the bucket', async () => {
    await loadText('b', reader, folded, bucket);
    expect(get).toHaveBeenLastCalledWith('b', { latest: true });
  });
});
