import { decodeCommit, type RunChanges } from '../../../../host/records/commits/commit';
import { CheckpointStore } from '../../../../host/records/commits/checkpoint';
import { FoldedLog } from '../../../../host/records/commits/folded-log';
import type { PluginLog } from '../../../../host/records/commits/plugin-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import { JetplugError } from '../../../../sdk/internal';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { MemoryCommitLog } from '../../../../host/testing/memory-commit-log';
import { RecordingLog } from '../../../../host/testing/recording-log';
import { eventually } from '../../../support/eventually';
import { openLog } from '../../../support/plugin-log';

/** A log on a server that takes messages of a limited size. */
class SmallLog extends MemoryCommitLog {
  /** @param taken the size that the server takes, if it is another one than the log says */
  constructor(
    override readonly maxCommitBytes: number,
    private readonly taken = maxCommitBytes,
  ) {
    super('badge');
  }

  override async append(text: string, expected: number): Promise<number> {
    if (text.length > this.taken) throw new JetplugError('JP_STORE_VALUE_INVALID', 'too large');
    return super.append(text, expected);
  }

  /** The keys that each commit changes. */
  async keys(): Promise<string[][]> {
    const commits = (await this.readAfter(0)).map(({ text }) => decodeCommit(text));
    return commits.map(({ runs }) => runs.flatMap(({ writes }) => [...writes.keys()]));
  }
}

let sequence = 0;

/** Reads the keys and then changes them, in one run. */
async function change(log: PluginLog, writes: Record<string, string>, reads: string[] = []): Promise<string> {
  const transaction = new Transaction();
  for (const key of [...reads, ...Object.keys(writes)]) await log.transactions.read(transaction, key);
  for (const [key, text] of Object.entries(writes)) log.transactions.write(transaction, key, text);
  return log.transactions.finish(transaction, [changesOf(transaction.writes)]);
}

function changesOf(writes: ReadonlyMap<string, string | null>): RunChanges {
  const event = { durable: 'badge-award', incarnation: '2026-01-01T00:00:00Z', sequence: ++sequence };
  return { origin: { handler: 'award', timeMs: 1 }, event, writes: new Map(writes), emits: [] };
}

describe('a commit that the server does not take because of its size', () => {
  test('is made smaller until the server takes it', async () => {
    const stored = new SmallLog(1_000_000, 1_500);
    const log = await openLog(stored, new MemoryBucket('b'));
    const texts = 'abcdefgh'.split('').map((key) => [key, key.repeat(500)] as const);
    const results = await Promise.all(texts.map(([key, text]) => change(log, { [key]: text })));
    expect(results).toEqual(texts.map(() => 'committed'));
    expect((await stored.keys()).flat().sort()).toEqual(texts.map(([key]) => key));
    for (const [key, text] of texts) expect(await log.get(key)).toBe(text);
  });

  test('fails its run if it has only one; runs that have read its changes run again, and others are committed', async () => {
    const stored = new SmallLog(1_000_000, 1_500);
    const log = await openLog(stored, new MemoryBucket('b'));
    await change(log, { a: 'before' });
    const large = change(log, { a: 'x'.repeat(5_000) });
    const dependent = change(log, { b: 'made of a' }, ['a']);
    const other = change(log, { c: 'c' });
    await expect(large).rejects.toMatchObject({
      code: 'JP_COMMIT_TOO_LARGE',
      message: expect.stringContaining('award: the changes and the published events of the run take 5,'),
    });
    expect([await dependent, await other]).toEqual(['conflict', 'committed']);
    expect(await log.get('a')).toBe('before');
    expect(await change(log, { a: 'after' })).toBe('committed');
  });

  test('holds names of events whose emits are sent: they are left out, and the run is committed', async () => {
    const stored = new SmallLog(1_000_000, 900);
    const log = await openLog(stored, new MemoryBucket('b'));
    const emits = [{ id: 'i', subject: 's', payload: '{}', headers: {} }];
    const runs = Array.from({ length: 12 }, () => ({ ...changesOf(new Map()), emits }));
    for (const run of runs) await log.transactions.finish(new Transaction(), [run]);
    for (const { event } of runs) log.sent.note(event!);
    expect(await change(log, { a: 'x'.repeat(500) })).toBe('committed');
  });
});

test('a run that is too large for a commit is found before it is appended, also if only the escaping makes it so', async () => {
  const stored = new SmallLog(2_000);
  const log = await openLog(stored, new MemoryBucket('b'));
  const fits = (text: string) => () => log.transactions.assertFits([changesOf(new Map([['a', text]]))]);
  expect(fits('x'.repeat(1_500))).not.toThrow();
  expect(fits('"'.repeat(900))).toThrow(expect.objectContaining({ code: 'JP_COMMIT_TOO_LARGE' }));
  expect(fits('€'.repeat(700))).toThrow(expect.objectContaining({ code: 'JP_COMMIT_TOO_LARGE' }));
  await expect(
    log.transactions.change('a', () => 'x'.repeat(3_000), { handler: 'code', timeMs: 1 }),
  ).rejects.toMatchObject({ code: 'JP_COMMIT_TOO_LARGE' });
  expect((await stored.bounds()).last).toBe(0);
});

test('a value of another program that no commit can hold is reported, and is no value of the store', async () => {
  const stored = new SmallLog(1_500);
  const bucket = new MemoryBucket('b');
  const recorded = new RecordingLog();
  const log = await openLog(stored, bucket, { log: recorded });
  await change(log, { a: '1' });
  await eventually(async () => (await bucket.get('a'))?.value === '1', 5_000);
  await bucket.put('a', JSON.stringify('x'.repeat(5_000)));
  await change(log, { a: '2' });
  await eventually(async () => (await bucket.get('a'))?.value === '2', 5_000);
  expect(recorded.lines).toMatchObject([
    { level: 'warn', message: "the bucket's value of a is left out of the store" },
  ]);
});

describe('a log that ends before a commit that was in it', () => {
  test('ends the runs that wait and those that come with JP_LOG_SHORTENED, and says so once', async () => {
    const stored = new MemoryCommitLog('badge');
    const recorded = new RecordingLog();
    const log = await openLog(stored, new MemoryBucket('b'), { log: recorded });
    for (const key of ['a', 'b']) await change(log, { [key]: '1' });
    // The log was restored from an older backup, which another host has continued.
    const older = new MemoryCommitLog('badge');
    Object.assign(stored, { commits: [], last: 0 });
    stored.append = older.append.bind(older);
    stored.bounds = older.bounds.bind(older);
    stored.readAfter = older.readAfter.bind(older);
    const code = { code: 'JP_LOG_SHORTENED' };
    await expect(Promise.all([change(log, { a: '2' }), change(log, { b: '2' })])).rejects.toMatchObject(code);
    await expect(change(log, { c: '1' })).rejects.toMatchObject(code);
    await expect(log.get('a')).rejects.toMatchObject(code);
    expect(recorded.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('cannot be opened', async () => {
    const bucket = new MemoryBucket('b');
    const parts = new FoldedLog(() => 0, 'host').partsToKeep;
    await new CheckpointStore(bucket).write({ filled: 7, revision: 9, folded: 9, parts });
    await expect(openLog(new MemoryCommitLog('badge'), bucket)).rejects.toMatchObject({
      code: 'JP_LOG_SHORTENED',
      message: 'the commit log ends at 0, and commit 9 was in it',
    });
  });
});

test('a checkpoint of a later format cannot be read: JP_LOG_UNREADABLE', async () => {
  const bucket = new MemoryBucket('b');
  await bucket.put('=checkpoint', '{"f":2}');
  await expect(openLog(new MemoryCommitLog('badge'), bucket)).rejects.toMatchObject({ code: 'JP_LOG_UNREADABLE' });
  expect(await bucket.get('=checkpoint')).toEqual({ value: '{"f":2}', revision: 1 });
});

test('departures are in the checkpoint until they are noted as done', async () => {
  const stored = new MemoryCommitLog('badge');
  const bucket = new MemoryBucket('b');
  const log = await openLog(stored, bucket);
  const dead = { ...changesOf(new Map()), left: { to: 'dead-letter' as const } };
  const deferred = { ...changesOf(new Map()), left: { to: 'retry-queue' as const, dueAtMs: 1_700_000_000_000 } };
  await change(log, { a: '1' });
  for (const run of [dead, deferred]) await log.transactions.finish(new Transaction(), [run]);
  await checkpointAt(bucket, 3);
  await log.close();
  // The log's commits are gone; the checkpoint has what follows from them.
  await stored.removeUpTo(3);
  const next = await openLog(stored, bucket);
  expect(next.sent.departureOf(dead.event!)).toEqual(dead.left);
  expect(next.sent.departureOf(deferred.event!)).toEqual(deferred.left);
  next.sent.noteLeft(dead.event!);
  await change(next, { a: '2' });
  await checkpointAt(bucket, 4);
  await next.close();
  await stored.removeUpTo(4);
  const last = await openLog(stored, bucket);
  expect(last.sent.departureOf(dead.event!)).toBeUndefined();
  expect(last.sent.departureOf(deferred.event!)).toEqual(deferred.left);
});

/** Waits until the checkpoint has the commits up to this position. */
async function checkpointAt(bucket: MemoryBucket, position: number): Promise<void> {
  await eventually(async () => (await new CheckpointStore(bucket).read())?.filled === position, 5_000);
}
