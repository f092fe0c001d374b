import { machineTime } from '../../../../host/base/time';
import { PluginLog } from '../../../../host/records/commits/plugin-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import { MemoryBucket } from '../../../../host/testing/memory-bucket';
import { MemoryCommitLog } from '../../../../host/testing/memory-commit-log';

const ORIGIN = { handler: 'h', timeMs: 0 };

test('a run that finishes at any moment around the end of the commit before is committed', async () => {
  const log = new PluginLog({
    host: 'h1',
    log: new MemoryCommitLog('p'),
    bucket: new MemoryBucket('jetplug-p'),
    time: machineTime,
    trouble: () => undefined,
    halted: () => undefined,
  });
  await log.open();
  const runOn = async (key: string): Promise<() => unknown> => {
    const transaction = new Transaction();
    await log.transactions.read(transaction, key);
    log.transactions.write(transaction, key, '1');
    return () => log.transactions.finish(transaction, [{ origin: ORIGIN, writes: transaction.writes, emits: [] }]);
  };
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const [finishFirst, finishSecond] = [await runOn(`a${microtasks}`), await runOn(`b${microtasks}`)];
    await finishFirst();
    for (let i = 0; i < microtasks; i++) await undefined;
    expect(await finishSecond()).toBe('committed');
  }
  await log.close();
});
