import { Transaction } from '../../../../host/records/commits/transaction';
import { after, changesOf, closeHosts, openHost, Server, type TestHost } from './fake-host';

describe('Transactions', () => {
  let host: TestHost;
  beforeEach(async () => (host = await openHost(new Server())));
  afterEach(closeHosts);

  it('ends a run whose event another host has settled while it ran', async () => {
    const other = await openHost(host.server, 'other');
    const transaction = new Transaction();
    await host.log.transactions.read(transaction, 'b');
    await other.run(1);
    await after();
    expect(await host.log.transactions.finish(transaction, [changesOf(1, transaction)])).toBe('settled');
  });

  it('starts a run again whose value has changed', async () => {
    const transaction = new Transaction();
    await host.log.transactions.read(transaction, 'a');
    await host.run(1);
    host.log.transactions.write(transaction, 'a', 'x');
    expect(await host.log.transactions.finish(transaction, [changesOf(2, transaction)])).toBe('conflict');
    expect(host.log.transactions.isStale(transaction)).toBe(true);
  });

  it('keeps keys for a run that starts again, until it has finished', async () => {
    const { transactions } = host.log;
    const transaction = new Transaction();
    await transactions.read(transaction, 'a');
    await transactions.prepareAgain(transaction);
    let isRead = false;
    const other = host.run(2).then(() => (isRead = true));
    await after();
    expect(isRead).toBe(false);
    expect(await host.run(1, 'a', transaction)).toBe('committed');
    await other;
    expect(await host.log.get('a')).toBe('.1.2');
  });

  it('has a run wait before its first read while 2,000 finished runs wait, but not one that holds a lock', async () => {
    const { transactions } = host.log;
    host.server.shared.isFull = true;
    const finished = Array.from({ length: 2_001 }, (_, i) => host.run(i + 1, `k${i}`));
    await after(5);
    const [one, locked] = [new Transaction(), new Transaction()];
    await transactions.read(locked, 'x');
    await transactions.prepareAgain(locked);
    let hasRoom = false;
    const room = transactions.awaitRoom(one)!.then(() => (hasRoom = true));
    expect([transactions.awaitRoom(one), transactions.awaitRoom(locked)]).toEqual([undefined, undefined]);
    await after(5);
    expect(hasRoom).toBe(false);
    host.server.shared.isFull = false;
    await room;
    expect(transactions.awaitRoom(new Transaction())).toBeUndefined();
    expect(new Set(await Promise.all(finished))).toEqual(new Set(['committed']));
  });

  describe('after a conflict on a key', () => {
    beforeEach(async () => {
      const { transactions } = host.log;
      const [one, other] = [new Transaction(), new Transaction()];
      for (const run of [one, other]) {
        await transactions.read(run, 'a');
        transactions.write(run, 'a', null);
      }
      expect(await transactions.finish(one, [changesOf(8, one)])).toBe('committed');
      expect(transactions.finish(other, [changesOf(9, other)])).toBe('conflict');
      await transactions.prepareAgain(other);
      transactions.abandon(other);
    });

    it('lets runs change it one after the other, so that none of them runs again', async () => {
      const { transactions } = host.log;
      const first = new Transaction();
      expect(transactions.lock(first, 'a')).toBeUndefined();
      const second = host.run(2);
      await after();
      expect(await host.run(1, 'a', first)).toBe('committed');
      expect(await second).toBe('committed');
      expect(await host.log.get('a')).toBe('.1.2');
    });

    it('has a run wait for a key that another run has locked, also if it has locked another key', async () => {
      const { transactions } = host.log;
      const [one, other] = [new Transaction(), new Transaction()];
      await transactions.read(other, 'b');
      await transactions.prepareAgain(other);
      expect(transactions.lock(one, 'a')).toBeUndefined();
      const locking = transactions.lock(other, 'a');
      expect(locking).toBeInstanceOf(Promise);
      transactions.endRun(one);
      await locking;
      transactions.endRun(other);
    });

    it('frees it when a run ends that waits for its lock', async () => {
      const { transactions } = host.log;
      const [holder, waiting] = [new Transaction(), new Transaction()];
      void transactions.lock(holder, 'a');
      const locking = transactions.lock(waiting, 'a');
      expect(locking).toBeInstanceOf(Promise);
      transactions.endRun(waiting);
      transactions.endRun(holder);
      await locking;
      expect(await host.run(1)).toBe('committed');
    });

    it('locks it no longer when no run has waited for it for a while', async () => {
      const { transactions } = host.log;
      for (let i = 0; i < 100; i++) {
        const run = new Transaction();
        void transactions.lock(run, 'a');
        transactions.endRun(run);
      }
      const [one, other] = [new Transaction(), new Transaction()];
      expect([transactions.lock(one, 'a'), transactions.lock(other, 'a')]).toEqual([undefined, undefined]);
    });
  });

  it('frees the keys of a run that ends while it waits for them', async () => {
    const { transactions } = host.log;
    const [holder, waiting] = [new Transaction(), new Transaction()];
    for (const one of [holder, waiting]) await transactions.read(one, 'a');
    await transactions.prepareAgain(holder);
    const again = transactions.prepareAgain(waiting);
    transactions.abandon(waiting);
    transactions.abandon(holder);
    await again;
    expect(await host.run(1)).toBe('committed');
  });

  it('shows a run its own changes, and to others none before it has finished', async () => {
    const { transactions } = host.log;
    const [one, other] = [new Transaction(), new Transaction()];
    await transactions.read(one, 'a');
    transactions.write(one, 'a', '1');
    expect(await transactions.read(one, 'a')).toBe('1');
    expect(await transactions.read(other, 'a')).toBeNull();
  });

  it('ends a run without changes at once, unless it has read one that is not committed', async () => {
    const { transactions } = host.log;
    const [first, second] = [new Transaction(), new Transaction()];
    await transactions.read(first, 'a');
    expect(transactions.finish(first, [])).toBe('committed');
    const committing = host.run(1);
    await Promise.resolve();
    await transactions.read(second, 'a');
    const result = transactions.finish(second, []);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBe('committed');
    await committing;
  });

  it('computes a change from outside of a run anew when the value has changed', async () => {
    const change = (by: string) =>
      host.log.transactions.change('a', (text) => `${text ?? ''}${by}`, { handler: 'code', timeMs: 1 });
    await Promise.all([change('1'), change('2'), change('3')]);
    expect(await host.log.get('a')).toHaveLength(3);
  });
});
