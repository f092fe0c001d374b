import { JetplugError } from '../../../../sdk/internal';
import { CHECKPOINT_KEY } from '../../../../host/records/commits/checkpoint';
import { decodeCommit } from '../../../../host/records/commits/commit';
import { Transaction } from '../../../../host/records/commits/transaction';
import { after, changesOf, closeHosts, openHost, Server, type TestHost } from './fake-host';
import { SharedSettled } from './model-events';

describe('PluginLog', () => {
  let server: Server;
  beforeEach(() => (server = new Server()));
  afterEach(closeHosts);

  const filledTo = async (host: TestHost, position: number): Promise<void> => {
    while (host.log.folded.filled < position) await after(1);
  };
  const checkpointAt = async (position: number): Promise<void> => {
    for (;;) {
      const text = server.bucket.entries.get(CHECKPOINT_KEY)?.value ?? '{"n":0}';
      if ((JSON.parse(text) as { n: number }).n >= position) return;
      await after(1);
    }
  };

  it('reads events anew that another host has settled in commits that are gone', async () => {
    const [slow, fast] = [await openHost(server, 'slow'), await openHost(server, 'fast')];
    await slow.run(1);
    await after();
    server.shared.listeners.clear();
    await fast.run(2);
    await fast.run(3);
    await checkpointAt(3);
    server.trim(3);
    expect(await slow.run(2)).not.toBe('committed');
    expect(slow.settled.has(2)).toBe(true);
    expect(await slow.log.get('a')).toBe('.1.2.3');
    expect(slow.halts).toEqual([]);
  });

  it('uses no value from before commits that are gone', async () => {
    const [slow, fast] = [await openHost(server, 'slow'), await openHost(server, 'fast')];
    await slow.run(1);
    await after();
    server.shared.listeners.clear();
    await fast.run(2);
    await checkpointAt(2);
    server.trim(2);
    expect(await slow.run(9)).toBe('conflict');
    expect(await slow.run(9)).toBe('committed');
    expect(await slow.log.get('a')).toBe('.1.2.9');
  });

  it('starts a run again that has read values from before and from after a commit, though it changes nothing', async () => {
    const [slow, fast] = [await openHost(server, 'slow'), await openHost(server, 'fast')];
    await fast.run(1, 'a');
    await fast.run(2, 'b');
    await filledTo(fast, 2);
    const reading = new Transaction();
    expect(await slow.log.transactions.read(reading, 'a')).toBe('.1');
    server.shared.listeners.clear();
    const both = new Transaction();
    for (const key of ['a', 'b']) {
      await fast.log.transactions.read(both, key);
      fast.log.transactions.write(both, key, 'changed');
    }
    await fast.log.transactions.finish(both, [changesOf(3, both)]);
    await filledTo(fast, 3);
    expect(await slow.log.transactions.read(reading, 'b')).toBe('changed');
    expect(await slow.log.transactions.finish(reading, [])).toBe('conflict');
  });

  it('opens a log that is cut while it opens', async () => {
    const first = await openHost(server, 'first');
    await first.run(1);
    await checkpointAt(1);
    const { entries } = server.bucket;
    const old = entries.get(CHECKPOINT_KEY)!;
    await first.run(2);
    await first.run(3);
    await checkpointAt(3);
    await first.run(4);
    const newest = entries.get(CHECKPOINT_KEY)!;
    entries.set(CHECKPOINT_KEY, old);
    const refresh = jest.spyOn(SharedSettled.prototype, 'refresh').mockImplementationOnce(async () => {
      entries.set(CHECKPOINT_KEY, newest);
      server.trim(3);
    });
    const host = await openHost(server, 'next');
    expect([host.log.folded.position, await host.log.get('a')]).toEqual([4, '.1.2.3.4']);
    refresh.mockRestore();
  });

  it('refuses to open a log that begins behind what the bucket has', async () => {
    const first = await openHost(server, 'first');
    await first.run(1);
    await checkpointAt(1);
    const old = server.bucket.entries.get(CHECKPOINT_KEY)!;
    await first.run(2);
    await first.run(3);
    await checkpointAt(3);
    await first.close();
    server.bucket.entries.set(CHECKPOINT_KEY, old);
    server.trim(2);
    await expect(openHost(server, 'next')).rejects.toMatchObject({ code: 'JP_LOG_GAP' });
  });

  it('refuses to open a log that ends before its checkpoint', async () => {
    const first = await openHost(server, 'first');
    await first.run(1);
    await checkpointAt(1);
    server.shared.last = 0;
    await expect(openHost(server, 'next')).rejects.toMatchObject({ code: 'JP_LOG_SHORTENED' });
  });

  it('begins anew when the server has lost log and bucket, whichever host fills the new bucket first', async () => {
    const [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
    await one.run(1);
    await checkpointAt(1);
    server.lose();
    while ((await one.run(2)) === 'conflict') await after(1);
    await checkpointAt(2);
    while ((await other.run(3)) === 'conflict') await after(1);
    expect(await other.log.get('a')).toBe('.2.3');
    expect(one.losses).toContain('JP_LOG_LOST');
    expect([...one.halts, ...other.halts]).toEqual([]);
  });

  it('reports no loss for a log that was created later than its bucket, and has no checkpoint yet', async () => {
    const { shared, bucket } = server;
    shared.last = 1_000_000;
    shared.first = shared.begins = shared.last + 1;
    const first = await openHost(server, 'first');
    expect(await first.run(1)).toBe('committed');
    bucket.entries.clear();
    const next = await openHost(server, 'next');
    expect(await next.log.get('a')).toBe('.1');
    expect([...first.losses, ...next.losses]).toEqual([]);
  });

  it('continues with an older bucket and the values in memory when the log is lost too', async () => {
    const [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
    await one.run(1);
    await checkpointAt(1);
    const old = new Map(server.bucket.entries);
    await one.run(2);
    await checkpointAt(2);
    server.lose();
    for (const [key, entry] of old) server.bucket.entries.set(key, entry);
    while ((await other.run(3)) === 'conflict') await after(1);
    expect(await other.log.get('a')).toBe('.1.2.3');
    await checkpointAt(3);
    expect(await one.run(4)).toBe('committed');
    expect(await one.log.get('a')).toBe('.1.2.3.4');
    expect([...one.halts, ...other.halts]).toEqual([]);
  });

  it('continues with an older bucket when the log that had its values is lost too', async () => {
    const host = await openHost(server);
    await host.run(1);
    await checkpointAt(1);
    const old = new Map(server.bucket.entries);
    await host.run(2);
    await checkpointAt(2);
    server.lose();
    for (const [key, entry] of old) server.bucket.entries.set(key, entry);
    while ((await host.run(3)) === 'conflict') await after(1);
    await checkpointAt(3);
    expect(await host.log.get('a')).toBe('.1.3');
    expect([host.losses, host.halts]).toEqual([['JP_LOG_LOST', 'JP_LOG_LOST'], []]);
  });

  it('ends waiting runs with the error when the log cannot be used any more', async () => {
    const host = await openHost(server);
    await host.run(1);
    server.shared.isFull = true;
    const waiting = host.run(2);
    await after(5);
    server.shared.commits.set(++server.shared.last, '{"f":99}');
    for (const listener of server.shared.listeners) listener({ position: 2, text: '{"f":99}' });
    await expect(waiting).rejects.toThrow('this host reads format 1');
    expect(host.halts).toHaveLength(1);
    await expect(host.run(3)).rejects.toThrow('this host reads format 1');
  });

  it('leaves out a message of another program', async () => {
    const host = await openHost(server);
    await host.run(1);
    await host.fake.append('hello', 1);
    await after();
    expect(await host.run(2)).toBe('committed');
    expect(host.troubles).toEqual(['message 2 of the commit log is left out']);
  });

  it('fails a run whose changes are too large, and commits the others', async () => {
    const host = await openHost(server);
    const append = host.fake.append.bind(host.fake);
    jest.spyOn(host.fake, 'append').mockImplementation((text, expected) => {
      if (text.includes('"s":2,')) return Promise.reject(new JetplugError('JP_STORE_VALUE_INVALID', 'too large'));
      return append(text, expected);
    });
    const results = await Promise.allSettled([host.run(1, 'a'), host.run(2, 'b'), host.run(3, 'c')]);
    expect(results.map((one) => (one.status === 'rejected' ? String(one.reason) : one.value))).toEqual([
      'committed',
      expect.stringContaining('one commit holds'),
      'committed',
    ]);
    expect([await host.log.get('b'), await host.log.get('c')]).toEqual([null, '.3']);
  });

  it('commits a run at whatever microtask after the last commit it finishes', async () => {
    const host = await openHost(server);
    await host.run(1, 'z');
    for (let wait = 0; wait < 12; wait++) {
      await host.run(100 + wait, 'b');
      for (let left = wait; left > 0; left--) await Promise.resolve();
      expect(await host.run(200 + wait, 'a')).toBe('committed');
    }
  });

  it('adopts a value of another program in a commit of its own', async () => {
    const host = await openHost(server);
    await host.run(1);
    await filledTo(host, 1);
    await server.bucket.put('a', 'foreign');
    await host.run(2);
    await filledTo(host, 3);
    expect(await host.log.get('a')).toBe('foreign');
    expect(server.bucket.entries.get('a')).toMatchObject({ value: 'foreign', position: 3 });
    expect(decodeCommit(server.shared.history[2]!).adopted.size).toBe(1);
  });

  it('replaces a foreign value that a run has read and changed', async () => {
    await server.bucket.put('a', 'foreign');
    const host = await openHost(server);
    expect(await host.run(1)).toBe('committed');
    await filledTo(host, 1);
    expect(server.bucket.entries.get('a')!.value).toBe('foreign.1');
    expect(server.shared.last).toBe(1);
  });

  it('commits an early commit point of an event once, by whatever host', async () => {
    const [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
    const changes = changesOf(1, new Transaction(), { part: 1 });
    expect(await one.log.transactions.finish(new Transaction(), [changes])).toBe('committed');
    await after();
    expect(await other.log.transactions.finish(new Transaction(), [changes])).toBe('conflict');
    expect(server.shared.last).toBe(1);
  });

  it('starts a waiting early commit point again when another host has committed it', async () => {
    const [one, other] = [await openHost(server, 'one'), await openHost(server, 'other')];
    const changes = changesOf(1, new Transaction(), { part: 1 });
    const finish = ({ log }: TestHost) => log.transactions.finish(new Transaction(), [changes]);
    expect((await Promise.all([finish(one), finish(other)])).sort()).toEqual(['committed', 'conflict']);
  });

  it('hands over the bucket to a host that another one does not fill any more', async () => {
    const one = await openHost(server, 'one');
    await one.run(1);
    await checkpointAt(1);
    const other = await openHost(server, 'other');
    await one.close();
    await other.run(2);
    await checkpointAt(2);
    expect(server.bucket.entries.get('a')!.value).toBe('.1.2');
  });
});
