import { CheckpointStore, encodeCheckpoint } from '../../../../host/records/commits/checkpoint';
import type { RunChanges } from '../../../../host/records/commits/commit';
import { FoldedLog } from '../../../../host/records/commits/folded-log';
import { fittingCheckpoint } from '../../../../host/records/commits/owed-work';
import { Transaction } from '../../../../host/records/commits/transaction';
import { JetplugError } from '../../../../sdk/internal';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { after, changesOf, closeHosts, eventOf, openHost, Server } from './fake-host';

const emitOf = (id: string, payload = 'x'.repeat(1_000)) => ({ id, subject: 's', payload, headers: {} });

function foldedOf(commits: readonly Partial<RunChanges>[]): FoldedLog {
  const folded = new FoldedLog(() => 0, 'host');
  for (const [i, more] of commits.entries()) fold(folded, i + 1, more);
  folded.filledUpTo(folded.position);
  return folded;
}

function fold(folded: FoldedLog, position: number, more: Partial<RunChanges>): void {
  const runs = [changesOf(position, new Transaction(), more)];
  folded.fold(position, { host: 'x', number: position, runs, sent: [], adopted: new Map() });
}

describe('a checkpoint that must fit into a message', () => {
  it('is whole if it fits', () => {
    const folded = foldedOf([{ emits: [emitOf('a')] }, { emits: [emitOf('b')] }]);
    const { filled, parts } = fittingCheckpoint(folded, 5_000)!;
    expect([filled, parts.unsent.length]).toEqual([2, 2]);
  });

  it('holds the oldest work, and begins in front of the commits with the rest', () => {
    const folded = foldedOf(['a', 'b', 'c', 'd'].map((id) => ({ emits: [emitOf(id)] })));
    const checkpoint = fittingCheckpoint(folded, 3_000)!;
    expect(Buffer.byteLength(encodeCheckpoint(checkpoint))).toBeLessThanOrEqual(3_000);
    expect([checkpoint.filled, checkpoint.folded]).toEqual([2, 4]);
    expect(checkpoint.parts.unsent.map(([, [unsent]]) => unsent!.emits[0]!.id)).toEqual(['a', 'b']);
  });

  it('leaves all work of an event out together, whatever the commits in between hold', () => {
    const reads = new Map([['k', 'y'.repeat(2_000)]]);
    const folded = foldedOf([{ emits: [emitOf('a')] }]);
    folded.fold(2, {
      ...{ host: 'x', number: 2, sent: [], adopted: new Map() },
      runs: [changesOf(9, new Transaction(), { part: 1, passed: 0, reads, emits: [emitOf('early')] })],
    });
    fold(folded, 3, { left: { to: 'dead-letter' } });
    folded.fold(4, {
      ...{ host: 'x', number: 4, sent: [], adopted: new Map() },
      runs: [changesOf(9, new Transaction(), { part: 2, passed: 1, reads: new Map(), emits: [emitOf('late')] })],
    });
    folded.filledUpTo(4);
    const { filled, parts } = fittingCheckpoint(folded, 3_000)!;
    expect([filled, parts.unsent.length, parts.left, parts.parts]).toEqual([1, 1, [], []]);
  });

  it('does not exist if the rest of it is too large', () => {
    const folded = foldedOf(Array.from({ length: 100 }, () => ({})));
    expect(fittingCheckpoint(folded, 50)).toBeUndefined();
  });
});

/** A bucket that takes values of a limited size. */
class SmallBucket extends MemoryBucket {
  override put(key: string, value: string, expected?: number, position?: number): Promise<number> {
    if (value.length > 4_000) return Promise.reject(new JetplugError('JP_STORE_VALUE_INVALID', 'too large'));
    return super.put(key, value, expected, position);
  }
}

describe('a log with more unsent emits than a checkpoint holds', () => {
  afterEach(closeHosts);

  it('gets checkpoints, loses no emit when it is trimmed to them, and is trimmed further once the emits are sent', async () => {
    const server = new Server(new SmallBucket('b'));
    const host = await openHost(server);
    Object.assign(host.fake, { maxCommitBytes: 4_000 });
    for (let sequence = 1; sequence <= 10; sequence++) {
      const run = changesOf(sequence, new Transaction(), { emits: [emitOf(`e${sequence}`)] });
      await host.log.transactions.finish(new Transaction(), [run]);
    }
    await host.run(11);
    await after(1_000);
    const checkpoint = await new CheckpointStore(server.bucket).read();
    expect(checkpoint).toMatchObject({ filled: 3, folded: 11 });
    expect(host.troubles).toContainEqual(expect.stringContaining('the commit log keeps its commits'));
    await host.close();
    server.trim(checkpoint!.filled);

    const next = await openHost(server, 'next');
    Object.assign(next.fake, { maxCommitBytes: 4_000 });
    for (let sequence = 1; sequence <= 10; sequence++) {
      expect(next.log.sent.unsentOf(eventOf(sequence))).toEqual([emitOf(`e${sequence}`)]);
      next.log.sent.note(eventOf(sequence));
    }
    // The host takes the bucket over from the one before, and stores a checkpoint of its own.
    await after(2_500);
    expect(await new CheckpointStore(server.bucket).read()).toMatchObject({ filled: 12, parts: { unsent: [] } });
  });
});
